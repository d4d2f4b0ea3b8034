import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { at } from '../../../support/index.ts';
import type { Geometry } from '../simd/geometry.ts';
import {
  type ConvShape,
  convScratch,
  depthwiseScratch,
  groupedScratch,
  groupedWeights,
  winogradScratch,
  winogradWeights,
} from './lower/sizes.ts';
import { librarySources } from './sources.ts';
import { hostLevels, LEVELS, levelMacro, type Level } from './toolchain-levels.ts';

// The kernels of every level against plain loops on random layers, in C; levels that this processor lacks run on the compiler's
// vectors, and those of Arm under an emulator where there is one. By default three levels with different products;
// CORTEXC_ALL_LEVELS=1 takes all.

const C_FOLDER = fileURLToPath(new URL('./c', import.meta.url));
const KERNELS = librarySources('').kernels.map((f) => f.name);
const FLAGS = ['-std=c11', '-O1', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', '-Wno-psabi'];
const LAYERS = '80';

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'cortexc-c-kernels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Target {
  readonly name: string;
  readonly compiler: string;
  readonly level: Level;
  readonly flags: readonly string[];
  readonly emulator: readonly string[];
}

const here = (level: Level): Target => {
  const runs = hostLevels().includes(level);
  const flags = runs ? LEVELS[level].flags : LEVELS[hostLevels().at(-1) ?? 'portable'].flags;
  return { name: `${level}${runs ? '' : ' on other instructions'}`, compiler: 'cc', level, flags, emulator: [] };
};
const underQemu = (level: Level): Target => ({
  name: `${level} under qemu`,
  compiler: 'aarch64-linux-gnu-gcc',
  level,
  flags: [...LEVELS[level].flags, '-static'],
  emulator: ['qemu-aarch64', '-cpu', 'max'],
});

const arm: readonly Level[] = ['neon', 'neondot'];
const all: readonly Target[] = !has('cc')
  ? []
  : [
      ...(process.arch === 'x64' ? (['portable', 'sse41', 'avx2', 'avxvnni', 'avx512vnni'] as const) : (['portable'] as const)).map(here),
      ...(process.arch === 'arm64' ? arm.map(here) : has('aarch64-linux-gnu-gcc') && has('qemu-aarch64') ? arm.map(underQemu) : []),
    ];
const DEFAULT_LEVELS: readonly Level[] = ['portable', 'avx2', 'avxvnni', ...(process.arch === 'arm64' ? arm : [])];
const targets = process.env['CORTEXC_ALL_LEVELS'] === '1' ? all : all.filter((t) => DEFAULT_LEVELS.includes(t.level));
if (targets.length === 0) console.warn('Kernels in C are not tested: there is no C compiler (cc)');
else if (!all.some((t) => t.level === 'neon'))
  console.warn('Kernels for Arm are not tested: aarch64-linux-gnu-gcc or qemu-aarch64 is not installed');

const build = (target: Target, test: string, out: string): readonly string[] => {
  const sources = [`tests/${test}`, ...KERNELS].map((name) => join(C_FOLDER, name));
  const program = join(folder, out);
  execFileSync(target.compiler, [...FLAGS, ...target.flags, `-D${levelMacro(target.level)}`, ...sources, '-o', program]);
  return [...target.emulator, program];
};
const output = (words: readonly string[], ...args: readonly string[]): string => {
  const { stdout, status, signal } = spawnSync(at(words, 0), [...words.slice(1), ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return status === 0 || status === 1 ? stdout : `${stdout}exit ${status} ${signal}`;
};

describe('random layers', () => {
  test.each(targets.map((t) => [t.name, t] as const))('%s', (name, target) => {
    expect(output(build(target, 'cx_kernels_test.c', `layers ${name}`), '1', LAYERS)).toBe('0 of 240 layers differ\n');
    expect(output(build(target, 'cx_winograd_test.c', `winograd ${name}`), '1', '40')).toBe('0 of 40 layers differ\n');
    const grouped = output(build(target, 'cx_grouped_test.c', `grouped ${name}`), '1', LAYERS);
    // levels without saturating products convolve plainly
    expect(grouped).toMatch(
      target.level === 'avx2' ? /^0 of 80 layers differ; [1-9]\d* grouped\n$/ : /^0 of 80 layers differ; 0 grouped\n$/,
    );
  });
});

const shapeOf = (n: readonly number[]): ConvShape => {
  const triple = (i: number): readonly [number, number, number] => [at(n, i), at(n, i + 1), at(n, i + 2)];
  const geometry: Geometry = {
    input: triple(4),
    output: triple(7),
    kernel: triple(10),
    stride: triple(13),
    dilation: triple(16),
    begin: [0, 0, 0],
    padded: triple(4),
    copies: false,
  };
  return { batch: at(n, 0), groups: at(n, 1), inGroup: at(n, 2), outGroup: at(n, 3), geometry };
};

(targets.length === 0 ? test.skip : test)('the memory plan gives kernels the scratch that they use', () => {
  const target = here('portable');
  const lines = output(build(target, 'cx_kernels_test.c', 'sizes'), '3', '2000', 'sizes')
    .trim()
    .split('\n');
  expect(lines.length).toBe(4000);
  const wrong = lines.filter((line) => {
    const numbers = line.split(' ').map(Number);
    const shape = shapeOf(numbers);
    const [conv = 0, depthwise = 0, winograd = 0, weights = 0, grouped = 0, groups = 0] = numbers.slice(-6);
    // the plan serves levels that convolve plainly instead of by transforms too
    const needed = Math.max(winograd, conv);
    return (
      convScratch(shape) !== conv ||
      depthwiseScratch(shape) !== depthwise ||
      winogradScratch(shape) !== needed ||
      winogradWeights(shape) !== weights ||
      groupedScratch(shape) !== grouped ||
      groupedWeights(shape) !== groups
    );
  });
  expect(wrong).toEqual([]);
});
