import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Memo, MixedMemo } from '../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { fileTooLarge, fileUnwritable } from '../diagnostics.ts';

/** The file of mixed precision inside a state folder. */
export const STATE_FILE = 'mixed.jsonl';
/** More than a search writes in a thousand runs. */
const MOST_BYTES = 64 * 2 ** 20;

type Numbers = Readonly<Record<string, number | undefined>>;

const EFFECT = ['noise', 'decibels', 'operations', 'size'] as const;
const POINT = ['drop', 'size', 'endorphin'] as const;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

/** One line: `{"run": digest, "key": "effect 0111", "value": {...}}` with finite numbers. */
const readLine = (line: string): { readonly run: string; readonly key: string; readonly value: Numbers } | undefined => {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(read) || typeof read['run'] !== 'string' || typeof read['key'] !== 'string' || !isRecord(read['value'])) return undefined;
  const numbers = Object.entries(read['value']).filter((e): e is [string, number] => Number.isFinite(e[1]));
  if (numbers.length !== Object.keys(read['value']).length) return undefined;
  const value = Object.fromEntries(numbers);
  const fields = read['key'].startsWith('effect ') ? EFFECT : POINT;
  return fields.every((f) => value[f] !== undefined) ? { run: read['run'], key: read['key'], value } : undefined;
};

const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : String(error);

/** The lines of an earlier run; '' when there was none. */
const readState = (path: string, shown: string): Result<string> => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return ok('');
  if (stat.size > MOST_BYTES) return fail(fileTooLarge(shown, stat.size, MOST_BYTES));
  return ok(readFileSync(path, 'utf8'));
};

export interface MixedState extends MixedMemo {
  /** Measurements that an earlier run left behind. */
  readonly found: number;
  /** Writes nothing any more and knows nothing: what was recorded does not fit the model. */
  readonly forget: () => void;
}

/**
 * What is measured is written to FOLDER/mixed.jsonl at once, a line each, so that an interrupted run goes on where it was.
 * Lines that do not read are left out with a warning (QNT0103).
 * @param run - digest of everything that decides what is measured: lines of other runs are left alone
 */
export const openMixedState = (cwd: string, folder: string, run: string, warnings: Diagnostic[]): Result<MixedState> => {
  const path = resolve(cwd, folder, STATE_FILE);
  const shown = join(folder, STATE_FILE);
  const known = new Map<string, Numbers>();
  let torn = false;
  try {
    mkdirSync(resolve(cwd, folder), { recursive: true });
    const text = readState(path, shown);
    if (!text.ok) return text;
    torn = text.value !== '' && !text.value.endsWith('\n');
    const bad: number[] = [];
    text.value.split('\n').forEach((line, i) => {
      if (line === '') return;
      const entry = readLine(line);
      if (entry === undefined) bad.push(i + 1);
      else if (entry.run === run) known.set(entry.key, entry.value);
    });
    if (bad.length > 0) warnings.push(recordUnreadable(shown, bad));
  } catch (error) {
    return fail(fileUnwritable(shown, reasonOf(error)));
  }
  let writable = true;
  const record = (key: string, value: Numbers): void => {
    known.set(key, value);
    if (!writable) return;
    try {
      // one write of one line: a run that ends here leaves whole lines or one torn one
      appendFileSync(path, `${torn ? '\n' : ''}${JSON.stringify({ run, key, value })}\n`);
      torn = false;
    } catch (error) {
      // a full disk ends the record, not the work
      writable = false;
      warnings.push({ ...fileUnwritable(shown, reasonOf(error)), severity: 'warning' });
    }
  };
  const effects: MixedMemo['effects'] = {
    get: (key) => {
      const { noise, divergence, decibels, operations, size } = known.get(`effect ${key}`) ?? {};
      return noise === undefined || decibels === undefined || operations === undefined || size === undefined
        ? undefined
        : { noise, divergence, decibels, operations, size };
    },
    set: (key, { noise, divergence, decibels, operations, size }) =>
      record(`effect ${key}`, { noise, ...(divergence === undefined ? {} : { divergence }), decibels, operations, size }),
  };
  const points: Memo<{ drop: number; size: number; endorphin: number }> = {
    get: (key) => {
      const { drop, size, endorphin } = known.get(`point ${key}`) ?? {};
      return drop === undefined || size === undefined || endorphin === undefined ? undefined : { drop, size, endorphin };
    },
    set: (key, { drop, size, endorphin }) => record(`point ${key}`, { drop, size, endorphin }),
  };
  return ok({ effects, points, found: known.size, forget: () => known.clear() });
};

const recordUnreadable = (path: string, lines: readonly number[]): Diagnostic =>
  diagnostic(
    'QNT0103',
    `${lines.length === 1 ? 'line' : 'lines'} ${lines.slice(0, 8).join(', ')}${lines.length > 8 ? ', …' : ''} of the record do not read and are left out`,
    {
      severity: 'warning',
      where: path,
      notes: ['What they held is measured again.'],
    },
  );

export const recordStale = (path: string): Diagnostic =>
  diagnostic('QNT0103', 'the record does not fit what the model gives now and is left out', {
    severity: 'warning',
    where: path,
    notes: ['Everything is measured again.'],
  });
