import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../../../support/index.ts';
import { rtlFiles } from '../../rtl-files.ts';
import { findTool, runTool } from '../../sim/toolchain.ts';

/** Whether the RTL can be simulated here. */
export const canSimulate = findTool('verilator').ok;

export interface ArrayConfig {
  readonly bits: 6 | 8;
  readonly pack: 0 | 1;
  readonly columns: 0 | 1;
  readonly groups: 1 | 2 | 4;
  readonly inputs: 16 | 8 | 4;
  readonly accumulator: number;
  /** Beats of activations, weight entries, beats of parameters. */
  readonly scratch: number;
  readonly weights: number;
  readonly parameters: number;
}

export interface RandomLists {
  readonly seed: number;
  readonly jobs: number;
  /** Percent of cycles in which a handshake waits. */
  readonly stalls: number;
  /** Cycles from a request to its first beat. */
  readonly latency: number;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The array alone, translated by verilator, with the bench around it. */
export class ArrayRtl {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cortexc-array-'));

  constructor({ bits, pack, columns, groups, inputs, accumulator, scratch, weights, parameters }: ArrayConfig) {
    for (const { name, text } of rtlFiles()) writeFileSync(join(this.folder, name), text);
    const flags = ['--cc', '--exe', '--build', '-O3', '--x-assign', 'fast', '--x-initial', 'fast', '--noassert', '-Wall'];
    const shape = { VI: inputs, GROUPS: groups, ACC: accumulator };
    const sizes = { WW: bits, ...shape, PACK: pack, COLUMNS: columns, SP_BEATS: scratch, WB_ENTRIES: weights, PB_BEATS: parameters };
    const macros = `-DBITS=${bits} -DINPUTS=${inputs} -DGROUPS=${groups} -DACCUMULATOR=${accumulator} -DSCRATCH=${scratch} -DWEIGHTS=${weights} -DPARAMETERS=${parameters}`;
    unwrap(
      runTool(
        unwrap(findTool('verilator')),
        [
          ...flags,
          ...Object.entries(sizes).map(([name, value]) => `-G${name}=${value}`),
          '-MAKEFLAGS',
          'OPT_FAST=-O1',
          '-CFLAGS',
          `-std=c++17 ${macros}`,
          '-y',
          '.',
          '--top-module',
          'cx_array_bench',
          '-Mdir',
          'build',
          '-o',
          'bench',
          here('cx_array_bench.v'),
          here('bench.cpp'),
        ],
        this.folder,
      ),
    );
  }

  private bench(args: readonly string[]): string {
    const ran = spawnSync(join(this.folder, 'build', 'bench'), [join(this.folder, 'cx_commands.vh'), ...args], { encoding: 'utf8' });
    return `${ran.stdout}${ran.stderr}`;
  }

  /** What the bench says of random lists: a line of JSON, after what is wrong. */
  random({ seed, jobs, stalls, latency }: RandomLists): string {
    return this.bench(['random', String(seed), String(jobs), String(stalls), String(latency)]);
  }

  errors(): string {
    return this.bench(['errors']);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
