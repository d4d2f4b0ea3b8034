import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MrlError } from '../../src/support/index.ts';
import { Rng } from './rng.ts';
import { BrokenPromise, type Target } from './target.ts';

/** What one decoder did wrong on one input. */
export interface Finding {
  readonly target: string;
  readonly index: number;
  readonly kind: 'crash' | 'promise' | 'slow' | 'memory' | 'leak' | 'hang' | 'exit';
  readonly message: string;
}

export interface Tally {
  inputs: number;
  accepted: number;
  /** How often each code came first. */
  readonly codes: Map<string, number>;
  bytes: number;
  slowestMs: number;
  slowestIndex: number;
  mostMemory: number;
  readonly findings: Finding[];
}

export const emptyTally = (): Tally => ({
  inputs: 0,
  accepted: 0,
  codes: new Map(),
  bytes: 0,
  slowestMs: 0,
  slowestIndex: 0,
  mostMemory: 0,
  findings: [],
});

/** Longest time that one input may take: processor time, since a busy machine stops a process for a while. */
export const SLOW_MS = 3000;
/** Memory that one input may take: so much, and so much more for each of its bytes. */
const MEMORY_BASE = 64 * 2 ** 20;
const MEMORY_PER_BYTE = 4096;
/** Memory that may stay behind after a batch. */
const LEAK_BYTES = 96 * 2 ** 20;
/** Findings of one run that are worth reading. */
export const MAX_FINDINGS = 20;

export const inputAt = (target: Target, seed: number, index: number): Uint8Array => target.input(new Rng(seed, target.name, index));

const memoryInUse = (): number => {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
};

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  if (typeof gc === 'function') gc();
};

/** The first code of a failed result; what must not happen is reported. */
const decodeOnce = (target: Target, input: Uint8Array, report: (kind: Finding['kind'], message: string) => void): string => {
  try {
    const result = target.decode(input);
    if (result.ok) return 'accepted';
    const [first] = result.diagnostics;
    if (first === undefined) report('crash', 'a failed result without a diagnostic');
    else if (first.code === 'INT0001') report('crash', `${first.code}: ${first.message}`);
    return first?.code ?? 'none';
  } catch (error) {
    if (error instanceof MrlError && error.code !== 'INT0001') return error.code;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report(error instanceof BrokenPromise ? 'promise' : 'crash', text.split('\n').slice(0, 12).join('\n'));
    return 'crash';
  }
};

/** Runs the inputs [from, to) of one target. `started` is told each index before its input is decoded. */
export const runInputs = (
  target: Target,
  {
    seed,
    from,
    to,
    started,
  }: { readonly seed: number; readonly from: number; readonly to: number; readonly started?: (i: number) => void },
): Tally => {
  const tally = emptyTally();
  collectGarbage();
  const before = memoryInUse();
  for (let index = from; index < to && tally.findings.length < MAX_FINDINGS; index++) {
    const input = inputAt(target, seed, index);
    const report = (kind: Finding['kind'], message: string): void => {
      tally.findings.push({ target: target.name, index, kind, message });
    };
    started?.(index);
    const memory = memoryInUse();
    const start = process.cpuUsage();
    const code = decodeOnce(target, input, report);
    const { user, system } = process.cpuUsage(start);
    const ms = (user + system) / 1000;
    const used = memoryInUse() - memory;
    if (ms > SLOW_MS) report('slow', `${Math.round(ms)} ms for ${input.length} bytes, limit ${SLOW_MS} ms`);
    const limit = MEMORY_BASE + MEMORY_PER_BYTE * input.length;
    if (used > limit) report('memory', `${used} bytes of memory for ${input.length} bytes, limit ${limit}`);
    tally.inputs++;
    tally.bytes += input.length;
    if (code === 'accepted') tally.accepted++;
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
    tally.mostMemory = Math.max(tally.mostMemory, used);
    if (ms > tally.slowestMs) {
      tally.slowestMs = ms;
      tally.slowestIndex = index;
    }
  }
  collectGarbage();
  const left = memoryInUse() - before;
  if (left > LEAK_BYTES) {
    const message = `${left} bytes are still in use after the inputs ${from} to ${to - 1}`;
    tally.findings.push({ target: target.name, index: from, kind: 'leak', message });
  }
  return tally;
};

/** Adds what a later batch counted. */
export const addTally = (sum: Tally, batch: Tally): void => {
  sum.inputs += batch.inputs;
  sum.accepted += batch.accepted;
  sum.bytes += batch.bytes;
  sum.mostMemory = Math.max(sum.mostMemory, batch.mostMemory);
  if (batch.slowestMs > sum.slowestMs) {
    sum.slowestMs = batch.slowestMs;
    sum.slowestIndex = batch.slowestIndex;
  }
  for (const [code, n] of batch.codes) sum.codes.set(code, (sum.codes.get(code) ?? 0) + n);
  sum.findings.push(...batch.findings);
};
