import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, fromHex, invariant, ok, type Result, toHex } from '../../../support/index.ts';
import { inTemporaryFolder } from '../../cpu/cache/files.ts';
import type { Environment } from '../../programs.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { type CoreConfig, verilogParameters } from '../isa/config.ts';
import { rtlFiles } from '../rtl-files.ts';
import { findTool, type HdlTool, runTool } from './toolchain.ts';

/** Bytes at a place of memory, a multiple of 16. */
export interface MemoryPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface SecondRun {
  readonly config: CoreConfig;
  readonly image: Uint8Array;
  /** Of memory, a multiple of 16. */
  readonly bytes: number;
  /** What is put into memory before each run. */
  readonly inputs: readonly (readonly MemoryPart[])[];
  /** What is taken from memory after each run; from a multiple of 16. */
  readonly output: { readonly offset: number; readonly bytes: number };
  /** Chance of a stall of the memory a cycle, of 256. */
  readonly stalls?: number;
  readonly seed?: number;
  readonly rtl?: readonly SourceFile[];
  readonly env?: Environment;
}

const BEAT = 16;
const PROGRAM = 'cx_tb.vvp';

export const secondBenchFiles = (): readonly SourceFile[] => sourceFiles(sourceFolder('fpga/bench/', 'cx_sim.cpp'), /^cx_\w+[.]v$/);

/** A part of memory as $readmemh reads it: beats as numbers, the last byte first. What is no whole beat is filled up with zeros. */
export const memoryHex = ({ offset, bytes }: MemoryPart): string => {
  invariant(offset % BEAT === 0, 'parts of memory start at a beat');
  const lines = [`@${(offset / BEAT).toString(16)}`];
  for (let i = 0; i < bytes.length; i += BEAT) {
    const beat = new Uint8Array(BEAT);
    beat.set(bytes.subarray(i, i + BEAT));
    lines.push(toHex(beat.reverse()));
  }
  return `${lines.join('\n')}\n`;
};

/** What $writememh writes. */
const parseHex = (text: string, bytes: number): Uint8Array => {
  const beats = text.split('\n').filter((line) => /^[0-9a-fA-FxX]{32}$/.test(line));
  const read = new Uint8Array(beats.length * BEAT);
  beats.forEach((line, i) => read.set(fromHex(line).reverse(), i * BEAT));
  return read.subarray(0, bytes);
};

const parametersOf = (run: SecondRun): readonly string[] =>
  Object.entries({ ...verilogParameters(run.config), MEMORY: run.bytes / BEAT }).map(([name, value]) => `-Pcx_tb.${name}=${value}`);

const simulate = (iverilog: HdlTool, vvp: HdlTool, run: SecondRun, folder: string): Result<readonly Uint8Array[]> => {
  const files = [...(run.rtl ?? rtlFiles()), ...secondBenchFiles()];
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  const sources = files.map((f) => f.name).filter((name) => name.endsWith('.v'));
  const built = runTool(iverilog, ['-g2005', '-o', PROGRAM, '-s', 'cx_tb', '-I', '.', ...parametersOf(run), ...sources], folder);
  if (!built.ok) return built;
  writeFileSync(join(folder, 'image.hex'), memoryHex({ offset: 0, bytes: run.image }));
  run.inputs.forEach((parts, k) => writeFileSync(join(folder, `input${k}.hex`), parts.map(memoryHex).join('')));
  const { offset, bytes } = run.output;
  const range = [`+first=${offset / BEAT}`, `+last=${Math.ceil((offset + bytes) / BEAT) - 1}`];
  const memory = [`+stalls=${run.stalls ?? 0}`, `+seed=${run.seed ?? 1}`];
  const said = runTool(vvp, ['-n', PROGRAM, `+runs=${run.inputs.length}`, ...range, ...memory], folder);
  if (!said.ok) return said;
  const lines = said.value.split('\n').filter((line) => line.startsWith('cx_tb:'));
  const error = lines.find((line) => line.startsWith('cx_tb: error'));
  if (error !== undefined || lines.at(-1) !== 'cx_tb: done')
    return fail(diagnostic('FPG0034', `iverilog: ${error ?? 'the testbench does not come to its end'}`));
  return ok(run.inputs.map((_, k) => parseHex(readFileSync(join(folder, `output${k}.hex`), 'utf8'), bytes)));
};

/**
 * Runs an image on iverilog: event-driven, with unknown values, and slow (a thousand cycles a second or two). Errors: FPG0030, FPG0031,
 * FPG0034. @returns the output part of memory after each run
 */
export const runOnIverilog = (run: SecondRun): Result<readonly Uint8Array[]> => {
  const iverilog = findTool('iverilog', run.env);
  if (!iverilog.ok) return iverilog;
  const vvp = findTool('vvp', run.env);
  if (!vvp.ok) return vvp;
  return inTemporaryFolder((folder) => simulate(iverilog.value, vvp.value, run, folder));
};
