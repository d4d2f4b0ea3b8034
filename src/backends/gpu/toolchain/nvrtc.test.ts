import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor } from '../../../ir/index.ts';
import { at, MrlError, unwrap } from '../../../support/index.ts';
import type { Engine } from '../cuda/lower/index.ts';
import { cudaSource } from '../cuda/source.ts';
import { moduleName } from './compiler.ts';
import { findCompiler } from './modules.ts';
import { findNvrtc, nvrtcCompiler } from './nvrtc.ts';

// What NVRTC makes of units, where the library is. No GPU and no nvcc is needed.

const script = fileURLToPath(new URL('../../../../bench/gpu/nvcc.sh', import.meta.url));
const provided = spawnSync('sh', [script, '--no-install', 'nvrtc'], { encoding: 'utf8' });
const library = provided.status === 0 ? findNvrtc({ CORTEXC_NVRTC: provided.stdout.trim() }) : undefined;
if (library === undefined) console.warn('NVRTC is not tested: sh bench/gpu/nvcc.sh nvrtc installs it.');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-nvrtc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A conv over the templates, floats with roots and quotients, sorting. */
const program = (): Program => {
  const random = new Philox(1);
  const b = new ProgramBuilder('sample');
  const x = b.input('x', { dtype: 'i8', shape: [1, 256, 28, 28] });
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [256, 256, 3, 3] }, random));
  b.output('sums', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] }));
  const y = b.input('y', { dtype: 'f32', shape: [4, 50] });
  b.output('probabilities', b.emit('softmax', [y], { axis: 1 }));
  b.output('roots', b.emit('sqrt', [y], {}));
  return b.finish();
};

const [MACHINE_FIELD, CUDA_MACHINE] = [18, 190];

(library === undefined ? describe.skip : describe)('what NVRTC makes of units', () => {
  const compile = (engine: Engine, capability: number): readonly Buffer[] => {
    if (library === undefined) return [];
    const { units } = unwrap(cudaSource(program(), { kernels: { engine } }));
    const draft = mkdtempSync(join(folder, 'modules-'));
    nvrtcCompiler(library, { capability, name: 'none' }).compile(units, draft);
    return units.map((_, i) => readFileSync(join(draft, moduleName(i))));
  };

  test.each([
    ['mma', 80],
    ['wgmma', 90],
  ] as const)(
    '%s for compute capability %d: modules with code of that architecture',
    (engine, capability) => {
      const modules = compile(engine, capability);
      expect(modules.length).toBeGreaterThan(0);
      for (const module of modules) expect(module.readUInt16LE(MACHINE_FIELD)).toBe(CUDA_MACHINE);
      const names = modules.map((m) => m.toString('latin1')).join('');
      expect(names).toContain('run0');
      // the low byte of the architecture, or of ABI version 8 the second (LLVM, ELF.h)
      const flags = at(modules, 0).readUInt32LE(48);
      expect([flags & 0xff, (flags >> 8) & 0xff]).toContain(capability);
    },
    10 * 60_000,
  );

  test('it takes the place of nvcc where that is missing', () => {
    const device = { platform: 'cuda', index: 0, name: 'none', capability: 80, architecture: '80', memoryBytes: 0, processors: 1 } as const;
    const found = unwrap(findCompiler(device, { NVCC: 'no-such-nvcc', PATH: '', CORTEXC_NVRTC: library?.path }));
    expect(found.identity.slice(0, 2)).toEqual(['nvrtc', library?.path]);
    expect(found.identity).toEqual(expect.arrayContaining(['--fmad=false', '--prec-div=true', '--prec-sqrt=true', '--ftz=false']));
  });

  test('an architecture that it does not know is told', () => {
    try {
      compile('mma', 61);
      expect('compiled').toBe('refused');
    } catch (error) {
      if (!(error instanceof MrlError)) throw error;
      expect(error.diagnostics.map((d) => [d.code, d.message.split('\n')[0]])).toEqual([
        ['GPU0003', expect.stringMatching(/^NVRTC 1\d[.]\d does not know compute capability 6[.]1 \(none\)$/)],
      ]);
    }
  });
});

test('a library that does not exist is none', () => {
  expect(findNvrtc({ CORTEXC_NVRTC: join(folder, 'no-nvrtc.so') })).toBe(undefined);
});
