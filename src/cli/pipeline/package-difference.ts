import type { Package } from '../../cvm-bytecode/index.ts';
import { formatType, paramDigest, sameType, type Tensor } from '../../ir/index.ts';
import { formatCount } from '../text.ts';

/** One thing in which two packages differ. */
export interface Difference {
  /** `metadata`, `model string`, `bytecode` or `parameter`. */
  readonly part: 'metadata' | 'model string' | 'bytecode' | 'parameter';
  /** Which field, line, offset or parameter. */
  readonly where: string;
  readonly first: string;
  readonly second: string;
  /** Of parameters: how many elements differ, and by how much at most. */
  readonly elements?: number;
  readonly greatest?: number;
}

/** Differences listed of one part, at most. */
const MOST = 20;
/** Characters shown of a value, at most. */
const SHOWN = 80;

const shown = (value: unknown): string => {
  const text = value === undefined ? 'absent' : typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
};

const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The fields in which two plain values differ, by their paths. */
const fields = (a: unknown, b: unknown, path: string, found: Difference[]): void => {
  if (found.length >= MOST || Object.is(a, b)) return;
  if (!isRecord(a) || !isRecord(b) || Array.isArray(a) !== Array.isArray(b)) {
    found.push({ part: 'metadata', where: path, first: shown(a), second: shown(b) });
    return;
  }
  const [own, other] = [new Map<string, unknown>(Object.entries(a)), new Map<string, unknown>(Object.entries(b))];
  for (const name of new Set([...own.keys(), ...other.keys()]))
    fields(own.get(name), other.get(name), Array.isArray(a) ? `${path}[${name}]` : `${path}.${name}`, found);
};

/** The first line in which two texts differ. */
const firstLine = (a: string, b: string): readonly Difference[] => {
  if (a === b) return [];
  const [own, other] = [a.split('\n'), b.split('\n')];
  const i = own.findIndex((line, k) => line !== other[k]);
  const line = i < 0 ? own.length : i;
  return [{ part: 'model string', where: `line ${line + 1}`, first: shown(own[line]), second: shown(other[line]) }];
};

const firstByte = (a: Uint8Array, b: Uint8Array): readonly Difference[] => {
  if (a.length === b.length && a.every((v, i) => v === b[i])) return [];
  const i = a.findIndex((v, k) => v !== b[k]);
  const offset = i < 0 ? a.length : i;
  const text = (bytes: Uint8Array): string => `${formatCount(bytes.length)} bytes, ${bytes[offset] ?? 'none'} there`;
  return [{ part: 'bytecode', where: `byte ${offset}`, first: text(a), second: text(b) }];
};

const parametersOf = ({ program }: Package): ReadonlyMap<string, Tensor> => new Map(program.params.map((p) => [p.name, p.tensor]));

const parameters = (a: Package, b: Package): readonly Difference[] => {
  const [own, other] = [parametersOf(a), parametersOf(b)];
  const found: Difference[] = [];
  for (const name of new Set([...own.keys(), ...other.keys()])) {
    const [p, q] = [own.get(name), other.get(name)];
    const [first, second] = [p, q].map((t) => (t === undefined ? 'absent' : formatType(t)));
    if (p === undefined || q === undefined || !sameType(p, q)) {
      found.push({ part: 'parameter', where: name, first: first ?? '', second: second ?? '' });
      continue;
    }
    if (paramDigest(p) === paramDigest(q)) continue;
    let [elements, greatest] = [0, 0];
    const [before, after] = [p.data, q.data];
    for (let i = 0; i < before.length; i++) {
      const change = Math.abs((before[i] ?? 0) - (after[i] ?? 0));
      if (change === 0) continue;
      elements++;
      greatest = Math.max(greatest, change);
    }
    if (elements > 0) found.push({ part: 'parameter', where: name, first: formatType(p), second: formatType(q), elements, greatest });
  }
  return found;
};

/** In what two packages differ: metadata fields, the model string, the bytecode, parameters by name; at most 20 of each. */
export const packageDifferences = (a: Package, b: Package): readonly Difference[] => {
  const metadata: Difference[] = [];
  fields(a.metadata, b.metadata, 'metadata', metadata);
  return [
    ...metadata,
    ...firstLine(a.modelString, b.modelString),
    ...firstByte(a.bytecode, b.bytecode),
    ...parameters(a, b).slice(0, MOST),
  ];
};
