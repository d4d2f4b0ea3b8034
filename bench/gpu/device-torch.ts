import { readFileSync } from 'node:fs';

/** A measurement of bench/gpu/torch_peer.py. */
export interface TorchRow {
  readonly network: string;
  readonly batch: number;
  readonly peer: string;
  readonly device: string;
  readonly median_ms: number;
}

const isRow = (value: unknown): value is TorchRow =>
  typeof value === 'object' &&
  value !== null &&
  'network' in value &&
  'batch' in value &&
  'peer' in value &&
  'device' in value &&
  'median_ms' in value &&
  typeof value.median_ms === 'number' &&
  typeof value.batch === 'number';

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    // a run that was stopped ends in the middle of a line
    return undefined;
  }
};

/** Rows of JSON lines; other lines are passed over. */
export const torchRows = (text: string): readonly TorchRow[] => text.split('\n').map(parse).filter(isRow);

export const readTorchRows = (path: string | undefined): readonly TorchRow[] => {
  if (path === undefined || path === '') return [];
  try {
    return torchRows(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
};
