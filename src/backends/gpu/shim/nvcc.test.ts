import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ProgramBuilder, type Program, type Tensor } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { cFolder } from '../../cpu/native/sources.ts';
import { EXACT_FLAGS } from '../cuda/makefile.ts';
import { type Engine, TILES } from '../cuda/lower/tiles.ts';
import { cudaRows } from '../cuda/rows.ts';
import { cudaSource } from '../cuda/source.ts';
import { kernelFolder } from '../folders.ts';

// What nvcc makes of the kernels: the instructions that they are written for, and registers enough for all values. No GPU is needed.
// By default for two architectures; CORTEXC_ALL_ARCHITECTURES=1 takes all.

const script = fileURLToPath(new URL('../../../../bench/gpu/nvcc.sh', import.meta.url));
const provided = (what: string): string | undefined => {
  const ran = spawnSync('sh', [script, '--no-install', what], { encoding: 'utf8' });
  return ran.status === 0 ? ran.stdout.trim() : undefined;
};
const nvcc = provided('nvcc');
const disassembler = provided('disassembler');
if (nvcc === undefined) console.warn('What nvcc makes of GPU kernels is not tested: sh bench/gpu/nvcc.sh installs it.');
else if (disassembler === undefined)
  console.warn('The instructions of GPU kernels are not tested: sh bench/gpu/nvcc.sh disassembler installs cuobjdump.');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-nvcc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const zeros = (dtype: 'i8' | 'i32', shape: readonly number[]): Tensor => {
  const size = shape.reduce((n, d) => n * d, 1);
  return { dtype, shape, data: dtype === 'i8' ? new Int8Array(size) : new Int32Array(size).fill(1 << 14) };
};

/** A 3 x 3 convolution over 128 channels for each tile, and a depthwise one. */
const layers = (count: number): Program => {
  const b = new ProgramBuilder('layers');
  const x = b.input('x', { dtype: 'i8', shape: [1, 128, 28, 28] });
  const attrs = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], pad_value: 1 };
  const end = { input_zero: 0, output_zero: 0, lo: -128, hi: 127, dtype: 'i8' };
  for (let i = 0; i <= count; i++) {
    const depthwise = i === count;
    const w = b.param(`w${i}`, zeros('i8', [128, depthwise ? 1 : 128, 3, 3]));
    const sums = at(unwrap(b.tryEmit('conv', [x, w], { ...attrs, groups: depthwise ? 128 : 1 })), 0);
    const factors = [
      b.param(`m${i}`, zeros('i32', [128])),
      b.param(`s${i}`, { ...zeros('i32', [128]), data: new Int32Array(128).fill(20) }),
    ];
    b.output(`y${i}`, at(unwrap(b.tryEmit('rescale', [sums, ...factors], end)), 0));
  }
  return b.finish();
};

/** The kernels of all tiles of an engine. */
const unitOf = (engine: Engine): string => {
  const tiles = TILES[engine];
  let next = 0;
  const choose = () => ({ tile: at(tiles, next++), splits: 2 });
  const program = unwrap(cudaSource(layers(tiles.length), { rows: cudaRows({ engine, choose }), mostUnits: 1 }));
  expect(next).toBe(tiles.length);
  return at(program.units, 0).text;
};

interface Compiled {
  /** Kernels that keep values in memory for want of registers, with what ptxas says. */
  readonly spills: readonly string[];
  /** How often instructions occur; empty without a disassembler. */
  readonly instructions: ReadonlyMap<string, number>;
}

const SPILLED = /^\s*(?:\d+ bytes stack frame, )?(\d+) bytes spill stores/;

const compileFor = (engine: Engine, architecture: string): Compiled => {
  const [source, cubin] = [join(folder, `${engine}.cu`), join(folder, `${engine}-${architecture}.cubin`)];
  writeFileSync(source, unitOf(engine));
  const code = [`-gencode=arch=compute_${architecture},code=sm_${architecture}`, '-cubin', '-Xptxas', '-v'];
  const include = [`-I${kernelFolder()}`, `-I${cFolder()}`];
  const ran = spawnSync(nvcc ?? '', ['-std=c++17', '-O3', ...EXACT_FLAGS, ...code, ...include, source, '-o', cubin], { encoding: 'utf8' });
  expect([ran.status, ran.status === 0 ? '' : ran.stderr]).toEqual([0, '']);
  const spills: string[] = [];
  let kernel = '';
  for (const line of ran.stderr.split('\n')) {
    kernel = /Function properties for (\w+)/.exec(line)?.[1] ?? kernel;
    const bytes = SPILLED.exec(line)?.[1];
    if (bytes !== undefined && bytes !== '0') spills.push(`${kernel}: ${line.trim()}`);
  }
  const instructions = new Map<string, number>();
  if (disassembler !== undefined) {
    const sass = spawnSync(join(disassembler, 'cuobjdump'), ['-sass', cubin], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PATH: `${disassembler}:${process.env['PATH'] ?? ''}` },
    });
    expect([sass.status, sass.status === 0 ? '' : sass.stderr]).toEqual([0, '']);
    for (const [, name = ''] of sass.stdout.matchAll(/^\s+\/\*[0-9a-f]{4,}\*\/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]+)/gm))
      instructions.set(name, (instructions.get(name) ?? 0) + 1);
  }
  return { spills, instructions };
};

const EVERY: readonly {
  readonly engine: Engine;
  readonly architecture: string;
  readonly has: readonly string[];
  readonly mayRunShort?: boolean;
}[] = [
  // without cp.async addresses and data of copies are held at the same time
  { engine: 'mma', architecture: '75', has: ['IMMA', 'LDSM', 'IDP'], mayRunShort: true },
  { engine: 'mma', architecture: '80', has: ['IMMA', 'LDSM', 'LDGSTS', 'IDP'] },
  { engine: 'mma', architecture: '120', has: ['IMMA', 'LDSM', 'LDGSTS', 'IDP'] },
  { engine: 'wgmma', architecture: '90a', has: ['IGMMA', 'LDGSTS', 'IDP'] },
  { engine: 'dp4a', architecture: '80', has: ['IDP', 'LDGSTS'] },
];

const CASES =
  process.env['CORTEXC_ALL_ARCHITECTURES'] === '1'
    ? EVERY
    : EVERY.filter((c) => ['mma 80', 'wgmma 90a'].includes(`${c.engine} ${c.architecture}`));

(nvcc === undefined ? describe.skip : describe)('what nvcc makes of the kernels', () => {
  test.each(CASES)(
    '$engine for sm_$architecture: its instructions, and values in registers',
    ({ engine, architecture, has, mayRunShort = false }) => {
      const { spills, instructions } = compileFor(engine, architecture);
      if (!mayRunShort) expect(spills).toEqual([]);
      if (disassembler === undefined) return;
      expect(has.filter((name) => !instructions.has(name))).toEqual([]);
      // local memory is where spilled values and arrays with computed indices go
      if (!mayRunShort) expect(['STL', 'LDL'].filter((name) => instructions.has(name))).toEqual([]);
    },
    300_000,
  );
});
