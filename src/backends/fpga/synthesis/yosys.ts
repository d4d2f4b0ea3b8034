import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnostic, fail, ok, type Result, sha256Hex } from '../../../support/index.ts';
import { findProgram } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { type Cells, resourcesOf, type Resources, unknownCells } from './cells.ts';

/** Synthesis for a family; Arria 10 by its twin, for which yosys has a mapping. */
export const SYNTHESES = {
  xc7: 'synth_xilinx -family xc7 -noiopad -noclkbuf',
  xcu: 'synth_xilinx -family xcu -noiopad -noclkbuf',
  xcup: 'synth_xilinx -family xcup -noiopad -noclkbuf',
  cyclonev: 'synth_intel_alm -family cyclonev -noiopad -noclkbuf',
  arria10: 'synth_intel_alm -family cyclone10gx -noiopad -noclkbuf',
} as const;
export type SynthesisFamily = keyof typeof SYNTHESES;

/** The command for a top module. @param keep - the modules that it is made of, each synthesized once; else one module is made of all */
export const synthesisOf = (family: SynthesisFamily, top: string, keep = false): string => {
  const command = SYNTHESES[family];
  const flat = command.startsWith('synth_xilinx') ? (keep ? '' : ' -flatten') : keep ? ' -noflatten' : '';
  return `${command}${flat} -top ${top}`;
};

export interface SynthesisJob {
  readonly family: SynthesisFamily;
  readonly top: string;
  /** Verilog (.v) and what it includes (.vh). */
  readonly files: readonly SourceFile[];
  readonly parameters?: Readonly<Record<string, number>>;
  /** Modules stay: many times faster where one is used many times, and some more logic, as nothing is optimised across their borders. */
  readonly keep?: boolean;
}

export interface Synthesized {
  readonly cells: Cells;
  readonly resources: Resources;
  /** Seconds that yosys took when it ran. */
  readonly seconds: number;
}

const LINES_SHOWN = 12;
const TIME_LIMIT_MS = 30 * 60_000;

const noYosys = (): Result<never> =>
  fail(
    diagnostic('FPG0010', 'there is no program yosys on PATH', {
      notes: ['Debian: apt-get install yosys. Without it, resources are not estimated anew and netlists are not made.'],
    }),
  );

const yosysFails = (what: string, output: string): Result<never> =>
  fail(diagnostic('FPG0011', `yosys ${what}`, { notes: output.trimEnd().split('\n').slice(-LINES_SHOWN) }));

export const findYosys = (env: NodeJS.ProcessEnv = process.env): string | undefined => findProgram('yosys', env);

/** Writes files into a new folder, gives it to `use` and removes it. */
export const withFiles = <T>(files: readonly SourceFile[], use: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-yosys-'));
  try {
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs a script of yosys in a folder. Errors: FPG0010, FPG0011. */
export const runYosys = (script: string, folder: string): Result<string> => {
  const yosys = findYosys();
  if (yosys === undefined) return noYosys();
  const { status, signal, stdout, stderr } = spawnSync(yosys, ['-q', '-p', script], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: TIME_LIMIT_MS,
  });
  return status === 0
    ? ok(stdout)
    : yosysFails(signal === null ? `ends with ${status ?? 'no'} status` : `was ended by ${signal}`, `${stdout}\n${stderr}`);
};

/** Commands that read a design and set its parameters. */
export const readDesign = ({ files, top, parameters = {} }: Omit<SynthesisJob, 'family'>): string => {
  const verilog = files.filter((f) => f.name.endsWith('.v')).map((f) => f.name);
  const set = Object.entries(parameters).map(([name, value]) => `-set ${name} ${value}`);
  return [
    `read_verilog -I. ${verilog.join(' ')}`,
    ...(set.length === 0 ? [] : [`chparam ${set.join(' ')} ${top}`]),
    `hierarchy -check -top ${top}`,
  ].join('; ');
};

const totals = (text: string): Cells | undefined => {
  const design = /"design":\s*(\{[^{}]*"num_cells_by_type":\s*(\{[^{}]*\}))/.exec(text);
  return design?.[2] === undefined ? undefined : (JSON.parse(design[2]) as Cells);
};

const run = (job: SynthesisJob): Result<Synthesized> =>
  withFiles(job.files, (folder) => {
    const started = Date.now();
    const script = `${readDesign(job)}; ${synthesisOf(job.family, job.top, job.keep)}; tee -q -o stat.json stat -json`;
    const ran = runYosys(script, folder);
    if (!ran.ok) return ran;
    const cells = totals(readFileSync(join(folder, 'stat.json'), 'utf8'));
    if (cells === undefined) return yosysFails('gave no counts of cells', ran.value);
    const unknown = unknownCells(cells);
    if (unknown.length > 0) return yosysFails(`made cells that are not known: ${unknown.join(', ')}`, '');
    return ok({ cells, resources: resourcesOf(cells), seconds: (Date.now() - started) / 1000 });
  });

let version: string | undefined;
const yosysVersion = (path: string): string => (version ??= spawnSync(path, ['-V'], { encoding: 'utf8' }).stdout.trim());

/**
 * What is made of a design, from the folder where such results are kept, else made. Errors: FPG0010, those of `make`.
 * @param what - is made: part of the hash by which it is kept, as the design is
 */
export const kept = <T>(cache: string, what: string, job: SynthesisJob, make: () => Result<T>): Result<T> => {
  const yosys = findYosys();
  if (yosys === undefined) return noYosys();
  const key = sha256Hex(JSON.stringify([yosysVersion(yosys), what, synthesisOf(job.family, job.top, job.keep), job]));
  const path = join(cache, `${key}.json`);
  if (existsSync(path)) return ok(JSON.parse(readFileSync(path, 'utf8')) as T);
  const made = make();
  if (made.ok) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(path, JSON.stringify(made.value));
  }
  return made;
};

/** Resources of a design. Errors: FPG0010, FPG0011. @param cache - folder in which results are kept */
export const synthesize = (job: SynthesisJob, cache?: string): Result<Synthesized> =>
  cache === undefined ? run(job) : kept(cache, 'cells', job, () => run(job));
