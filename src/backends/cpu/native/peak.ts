import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peak } from '../../backend.ts';
import { cFolder } from './sources.ts';
import { compileFlags, findCompiler, runCompiler } from './toolchain.ts';
import { chooseLevel, type Level, levelMacro } from './toolchain-levels.ts';

/** What cx_dot is at each level (cx_isa.h). */
const INSTRUCTIONS: Readonly<Record<Level, string>> = {
  portable: 'pairs of int16 in C, 4 lanes',
  sse41: 'pmaddwd + paddd, 128 bit',
  avx2: 'vpmaddwd + vpaddd, 256 bit',
  avxvnni: 'vpdpbusd, 256 bit',
  avx512vnni: 'vpdpbusd, 512 bit',
  neon: 'smlal + smlal2 of pairs, 128 bit',
  neondot: 'sdot, 128 bit',
};

const TIMEOUT_MS = 60_000;

/** Measures the product of a level in registers, by a small program of its own; undefined where it cannot be built or run. */
export const measurePeak = (isa?: string): Peak | undefined => {
  const level = chooseLevel(isa);
  const compiler = findCompiler();
  if (!level.ok || !compiler.ok) return undefined;
  const { level: name, machine } = level.value;
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'cortexc-peak-'));
    const program = join(folder, 'peak');
    const args = [...compileFlags(machine), '-fwrapv', `-D${levelMacro(name)}`, `-I${cFolder()}`, join(cFolder(), 'peak.c'), '-o', program];
    if (!runCompiler(compiler.value, [args], folder).ok) return undefined;
    const gmacs = Number(spawnSync(program, { encoding: 'utf8', timeout: TIMEOUT_MS }).stdout?.split(' ')[0]);
    return gmacs > 0 ? { instruction: INSTRUCTIONS[name], gmacs } : undefined;
  } catch {
    // no temporary folder: the figure is left out
    return undefined;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
};
