import { readFileSync } from 'node:fs';
import { hitBound, POLICIES, POLICY_NAMES, readModelTrace, replay, replayOffline, type SizedRequest } from '../../src/node/index.ts';
import { attempt, type Bench } from '../rows.ts';
import { ALL_BYTES, TRACES } from './policy-traces.ts';

/** Shares of all models that the cache holds. */
const SHARES = [0.25, 0.5, 0.75] as const;
const [LENGTH, QUICK_LENGTH] = [100_000, 10_000] as const;
const percent = (part: number, all: number): number => (100 * part) / Math.max(all, 1);
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB loaded`;

/** Every policy on a trace with a cache of a share of all its models. */
const rowsOf = async (bench: Bench, name: string, trace: readonly SizedRequest[], allBytes: number): Promise<void> => {
  for (const share of SHARES) {
    const limit = Math.floor(share * allBytes);
    const best = replayOffline(trace, limit);
    const bound = percent(hitBound(trace, limit), trace.length);
    for (const policy of POLICY_NAMES) {
      const { requests, hits, loadedBytes } = await replay(trace, limit, POLICIES[policy]());
      bench.row({
        name: `${name}, cache of ${100 * share} %, ${policy}: hits`,
        value: percent(hits, requests),
        unit: '%',
        goal: `<= ${bound.toFixed(1)}`,
        met: percent(hits, requests) <= bound,
        peer: `${gigabytes(loadedBytes)}; knowing the future (Belady by bytes): ${percent(best.hits, best.requests).toFixed(1)} %, ${gigabytes(best.loadedBytes)}; goal: the bound for any cache`,
      });
    }
  }
};

/** Models that a node was asked for (--trace-models): CORTEXC_MODEL_TRACE names the file. */
const recorded = (path: string): readonly SizedRequest[] => {
  const lines = readModelTrace(readFileSync(path, 'utf8'));
  if (typeof lines === 'string') throw new Error(`${path}: ${lines}`);
  const bytes = new Map<string, number>();
  for (const line of lines) if (line.bytes !== undefined) bytes.set(line.model, line.bytes);
  // one that never became ready has no size
  return lines.flatMap(({ model }) => {
    const size = bytes.get(model);
    return size === undefined ? [] : [{ model, bytes: size, cost: size / 1e6 }];
  });
};

/** What the policies of the cache would do with sequences of requests for eight models. */
export const policyRows = (bench: Bench): Promise<void> =>
  attempt(bench, 'policies', async () => {
    for (const [name, make] of Object.entries(TRACES)) {
      if (bench.wants(name)) await rowsOf(bench, name, make(bench.quick ? QUICK_LENGTH : LENGTH), ALL_BYTES);
    }
    const path = process.env['CORTEXC_MODEL_TRACE'];
    if (path === undefined) return;
    const trace = recorded(path);
    const sizes = new Map(trace.map(({ model, bytes }) => [model, bytes]));
    await rowsOf(
      bench,
      `recorded trace of ${sizes.size} models`,
      trace,
      [...sizes.values()].reduce((n, b) => n + b, 0),
    );
  });
