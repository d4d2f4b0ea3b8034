import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import { Philox, type Program, ProgramBuilder, randomTensor, type Tensor, typeOf, type ValueId } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import type { ReadScript } from '../../src/backends/cpu/wasm/emit-scripts.ts';
import { emitProgram } from '../../src/backends/cpu/wasm/emit.ts';

/** JavaScript of the TypeScript as it stands, so that a test needs no build. */
const readSource: ReadScript = (name) => {
  const text = readFileSync(fileURLToPath(new URL(`../../src/backends/cpu/wasm/${name}.ts`, import.meta.url)), 'utf8');
  return transformSync(text, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
    module: { type: 'es6' },
  }).code;
};

/** Random inputs of a program whose dimensions are numbers. */
export const inputsOf = (program: Program, seed: number): readonly Tensor[] => {
  const random = new Philox(seed);
  return program.inputs.map(({ value }) => {
    const { dtype, shape } = typeOf(program, value);
    return randomTensor({ dtype, shape: shape as readonly number[] }, random);
  });
};

/** Writes what `emit --target wasm` writes. */
export const emitInto = (folder: string, program: Program, vectors: readonly (readonly Tensor[])[]): void => {
  for (const { name, content } of unwrap(emitProgram(program, vectors, readSource))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
};

type Random = ReturnType<typeof layersOf>;

const layersOf = (b: ProgramBuilder, random: Philox) => {
  const weights = (shape: readonly number[]): ValueId => b.constant(randomTensor({ dtype: 'i8', shape }, random));
  const conv = (
    x: ValueId,
    shape: readonly [number, number, number, number],
    how: { stride: number; pad: number; groups: number },
  ): ValueId =>
    b.emit('conv', [x, weights(shape)], {
      stride: [how.stride, how.stride],
      dilation: [1, 1],
      pads: [how.pad, how.pad, how.pad, how.pad],
      groups: how.groups,
      pad_value: 0,
    });
  /** Sums of products to bytes. */
  const toBytes = (x: ValueId, shift: number): ValueId => {
    const factor = b.constant({ dtype: 'i32', shape: [1], data: Int32Array.of(20000) });
    const down = b.constant({ dtype: 'i32', shape: [1], data: Int32Array.of(shift) });
    return b.emit('rescale', [x, factor, down], { dtype: 'i8', input_zero: 0, output_zero: 3, lo: -128, hi: 127 });
  };
  return { weights, conv, toBytes };
};

const classify = (b: ProgramBuilder, { weights, toBytes }: Random, x: ValueId, random: Philox): ValueId => {
  const table = b.constant(randomTensor({ dtype: 'i8', shape: [256] }, random));
  const flat = b.emit('reshape', [b.emit('table', [x, table], {})], { shape: [1, -1] });
  return toBytes(b.emit('dense', [flat, weights([40, 20 * 81])], {}), 23);
};

/**
 * Every kind of kernel: 3 x 3 convolutions through transforms and 5 x 5 with a stride without, depthwise ones, a table, a dense layer and a
 * softmax of integers. Large enough that threads share the work.
 */
export const layersProgram = (): Program => {
  const random = new Philox(5);
  const b = new ProgramBuilder('layers');
  const layers = layersOf(b, random);
  const { conv, toBytes } = layers;
  const x = b.input('image', { dtype: 'i8', shape: [1, 16, 18, 18] });
  const transformed = toBytes(conv(x, [30, 16, 3, 3], { stride: 1, pad: 1, groups: 1 }), 25);
  const depthwise = toBytes(conv(transformed, [30, 1, 3, 3], { stride: 1, pad: 1, groups: 30 }), 22);
  const plain = toBytes(conv(depthwise, [20, 30, 5, 5], { stride: 2, pad: 2, groups: 1 }), 26);
  const scores = classify(b, layers, plain, random);
  b.output('scores', scores);
  b.output(
    'probabilities',
    b.emit('softmax_fixed', [scores], { axis: 1, bits: 8, multiplier: 20000, shift: 4, dtype: 'i8', output_zero: -128 }),
  );
  b.output('image', x);
  return b.finish();
};

/** The same in floats, where sums have one order, with exponentials. */
export const floatProgram = (): Program => {
  const random = new Philox(6);
  const b = new ProgramBuilder('floats <&> |');
  const [x, y] = [b.input('x', { dtype: 'f32', shape: [1, 8, 24, 24] }), b.input('y "quoted"', { dtype: 'f32', shape: [24] })];
  const w = b.constant(randomTensor({ dtype: 'f32', shape: [16, 8, 3, 3] }, random));
  const z = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: 0 });
  b.output('softmax', b.emit('softmax', [b.emit('add', [z, y], {})], { axis: 1 }));
  return b.finish();
};
