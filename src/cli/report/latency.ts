import { cpus } from 'node:os';
import { IMMEDIATE_BACKENDS, type Executable, loadBackend } from '../../backends/index.ts';
import type { Program, Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { formatDuration } from '../text.ts';
import type { Fact, LatencyData, TimesData } from './data.ts';

const WARM_UP = 2;
/** Runs that count: as many as fit into the time, within these limits. */
const LEAST_RUNS = 3;
const MOST_RUNS = 25;
const BUDGET_MS = 1500;

export const medianOf = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
};

/** Times one run after another. @param now - milliseconds */
export const timeRuns = (run: () => unknown, now: () => number): TimesData => {
  const began = now();
  for (let i = 0; i < WARM_UP; i++) run();
  const times: number[] = [];
  while (times.length < LEAST_RUNS || (times.length < MOST_RUNS && now() - began < BUDGET_MS)) {
    const start = now();
    run();
    times.push(now() - start);
  }
  return { median: medianOf(times), least: Math.min(...times), most: Math.max(...times), runs: times.length };
};

/** 0.0412 ms, 3.21 ms, 1.2 s: three digits where a millisecond is long. */
export const latencyText = (ms: number): string => (ms < 10 ? `${Number(ms.toPrecision(3))} ms` : formatDuration(ms));

export const machineFacts = (): readonly Fact[] => {
  const cores = cpus();
  return [
    ['processor', `${cores[0]?.model.trim() ?? 'unknown'}, ${cores.length} ${cores.length === 1 ? 'core' : 'cores'}`],
    ['system', `${process.platform} ${process.arch}, Node ${process.versions.node}`],
  ];
};

/** A program and inputs to run it with. */
export interface Timed {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}

/** The fastest backend that takes a program. */
const executableOf = async (program: Program): Promise<{ readonly backend: string; readonly executable: Executable } | undefined> => {
  for (const { name } of IMMEDIATE_BACKENDS) {
    const backend = await loadBackend(name);
    const executable = backend.ok ? backend.value.compile(program) : backend;
    if (executable.ok) return { backend: name, executable: executable.value };
  }
  return undefined;
};

/** Measures a package's program, and the float program that it comes from, on this machine; undefined when no backend takes it. */
export const measureLatency = async (program: Timed, float: Timed | undefined, now: () => number): Promise<LatencyData | undefined> => {
  const main = await executableOf(program.program);
  if (main === undefined) return undefined;
  const times = timeRuns(() => main.executable.run(program.inputs), now);
  const other = float === undefined ? undefined : await executableOf(float.program);
  return {
    program: times,
    float: other === undefined || float === undefined ? undefined : timeRuns(() => other.executable.run(float.inputs), now),
    backend: other === undefined || other.backend === main.backend ? main.backend : `${main.backend}, float32 on ${other.backend}`,
    warmUp: WARM_UP,
    machine: machineFacts(),
  };
};
