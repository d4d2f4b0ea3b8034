import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeNpy } from '../../src/frontend/tensors/index.ts';
import { type Program, ProgramBuilder, type Tensor, type ValueId } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { ARCHITECTURES, type ArchitectureName, partsOf, type Weights } from '../train/small-net.ts';
import { put } from './edit.ts';

/** What disguises start from. */
export interface Original {
  readonly name: ArchitectureName;
  readonly weights: Weights;
  /** The same after more training on its own task, and on another. */
  readonly tuned: Weights;
  readonly retrained: Weights;
}

const FOLDER = join(ROOT, 'bench', 'iso', 'trained');

const f32 = (shape: readonly number[], data: Float32Array): Tensor => ({ dtype: 'f32', shape, data });

/** The weights of a network that bench/train/copies.ts trained. */
export const trainedWeights = (name: string): Weights => {
  const tensor = unwrap(decodeNpy(new Uint8Array(readFileSync(join(FOLDER, `${name}.npy`)))));
  return Float32Array.from(tensor.data);
};

/** Seeds of the networks that were trained of each architecture. */
export const SEEDS: readonly number[] = [1, 2, 3, 4, 5, 6];

/** A network with its later forms; only the first two were trained on. */
export const originalOf = (name: ArchitectureName, seed: 1 | 2): Original => ({
  name,
  weights: trainedWeights(`${name}-${seed}`),
  tuned: trainedWeights(`${name}-${seed}-tuned`),
  retrained: trainedWeights(`${name}-${seed}-fashion`),
});

/** A small network as a program: picture f32[1, 1, 28, 28] to logits f32[1, 10]. */
export const smallProgram = (name: ArchitectureName, weights: Weights): Program => {
  const net = ARCHITECTURES[name];
  const { parts } = partsOf(net);
  const b = new ProgramBuilder(name);
  const values: ValueId[] = [];
  const input = b.input('picture', { dtype: 'f32', shape: [1, 1, 28, 28] });
  net.forEach((s, i) => {
    const x = s.from < 0 ? input : at(values, s.from);
    const part = parts[i];
    const layer = (shape: readonly number[]): readonly ValueId[] =>
      part === undefined
        ? []
        : [
            b.param(`w${i}`, f32(shape, weights.slice(part.weights, part.biases))),
            b.param(`b${i}`, f32([part.outputs], weights.slice(part.biases, part.biases + part.outputs))),
          ];
    switch (s.kind) {
      case 'conv': {
        const attrs = { stride: [s.stride, s.stride], dilation: [1, 1], pads: [1, 1, 1, 1] };
        values.push(put(b, 'conv', [x, ...layer([s.outputs, s.inputs, 3, 3])], attrs));
        return;
      }
      case 'dense': {
        const flat = b.typeOf(x).shape.length === 2 ? x : put(b, 'flatten', [x], { axis: 1 });
        values.push(put(b, 'dense', [flat, ...layer([s.outputs, s.inputs])]));
        return;
      }
      case 'pool':
        values.push(put(b, 'max_pool', [x], { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] }));
        return;
      case 'relu':
        values.push(put(b, 'relu', [x]));
        return;
      case 'add':
        values.push(put(b, 'add', [x, at(values, s.other)]));
        return;
      default:
        s satisfies never;
    }
  });
  b.output('logits', at(values, net.length - 1));
  return b.finish();
};
