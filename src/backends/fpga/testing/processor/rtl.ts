import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariant, unwrap } from '../../../../support/index.ts';
import type { CacheLines, MemoryTiming } from '../../isa/timing.ts';
import { rtlFiles } from '../../rtl-files.ts';
import { findTool, runTool } from '../../sim/toolchain.ts';
import type { Run } from './run-reference.ts';

/** Whether the RTL can be simulated here. */
export const canSimulate = findTool('verilator').ok;

/** What belongs to the processor. */
const IS_PART = /^cx_(proc|alu|valu|icache|dcache|ram|isa|registers)\w*[.]vh?$/;

export interface RtlCase {
  readonly memory: Uint8Array;
  readonly startPc: number;
  readonly memoryTiming: MemoryTiming;
  /** Chance that a handshake or beat waits, in percent a cycle. */
  readonly stall: number;
  readonly seed: number;
  readonly arrayCycles: number;
  /** Cycle of a reset and a new start; 0: none. */
  readonly resetAt?: number;
}

export interface RtlRun extends Run {
  /** As it is at the end. */
  readonly memory: Uint8Array;
}

const MOST_CYCLES = 200_000;

/** The processor as verilator has translated it. */
export class ProcessorRtl {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cortexc-processor-'));

  constructor({ instructionLines, dataLines }: CacheLines) {
    const tool = unwrap(findTool('verilator'));
    const files = rtlFiles().filter(({ name }) => IS_PART.test(name));
    for (const { name, text } of files) writeFileSync(join(this.folder, name), text);
    const bench = fileURLToPath(new URL('bench.cpp', import.meta.url));
    const sources = files.map(({ name }) => name).filter((name) => name.endsWith('.v'));
    const parameters = [`-GICACHE_LINES=${instructionLines}`, `-GDCACHE_LINES=${dataLines}`];
    const flags = ['--cc', '--exe', '--build', '-j', '2', '-O3', '--x-assign', 'fast', '--x-initial', 'fast', '--noassert', '-Wno-fatal'];
    unwrap(
      runTool(
        tool,
        [...flags, ...parameters, '-CFLAGS', '-O1', '--top-module', 'cx_proc', '-Mdir', 'build', '-o', 'bench', ...sources, bench],
        this.folder,
      ),
    );
  }

  /** Runs programs one after the other on the same processor. */
  run(cases: readonly RtlCase[]): readonly RtlRun[] {
    const path = (i: number, kind: string): string => join(this.folder, `${kind}-${i}`);
    const lines = cases.map((c, i) => {
      writeFileSync(path(i, 'image'), c.memory);
      const { readLatency, writeLatency } = c.memoryTiming;
      const words = [c.startPc, c.seed, readLatency, writeLatency, c.stall, c.arrayCycles, c.resetAt ?? 0, MOST_CYCLES];
      return [path(i, 'image'), path(i, 'dump'), ...words].join(' ');
    });
    const ran = spawnSync(join(this.folder, 'build', 'bench'), { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 28 });
    invariant(ran.status === 0, `the bench ends with status ${ran.status ?? 'none'}: ${ran.stderr}`);
    const runs = ran.stdout.trim().split('\n');
    return runs.map((text, i) => {
      // the bench prints what Run says
      const run = JSON.parse(text) as Run;
      return { ...run, memory: new Uint8Array(readFileSync(path(i, 'dump'))) };
    });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
