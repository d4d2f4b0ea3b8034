import { at } from '../../support/index.ts';
import { type HostTensor, makeHost, permuted } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';
import { groupAt, type Hdf5Group, longTexts } from './hdf5/index.ts';
import { type BoundWeights, checkName, type LayerWeights, orderedSpecs, WeightBinder } from './weights.ts';
import type { WeightSpec } from './weight-specs.ts';

/** How the file was written, where that changes what its weights mean. */
export interface LegacyOrigin {
  /** Keras 1, 2 or 3. */
  readonly version: number;
  /** Theano turns kernels around; the others do not. */
  readonly backend: string;
}

/** Elements with the order of dimensions 0… (count of them) turned around. */
const mirrored = (host: HostTensor, count: number): HostTensor => {
  const outer = host.shape.slice(0, count).reduce((p, d) => p * d, 1);
  const inner = host.data.length / Math.max(1, outer);
  const data = makeHost(host.elem, host.data.length);
  for (let i = 0; i < outer; i++) data.set(host.data.subarray((outer - 1 - i) * inner, (outer - i) * inner), i * inner);
  return { ...host, data };
};

const CONVOLUTION = /^(Separable|Depthwise)?Conv[123]D(Transpose)?$/;

/**
 * A kernel as Keras 2 has it on TensorFlow. Keras 1 with channels first stored O, I, kernel…, and Conv1D as an image of one column;
 * Theano computes with mirrored kernels (keras 2: engine/saving.py, preprocess_weights_for_loading).
 */
const modernKernel = (host: HostTensor, layer: LayerWeights, spec: WeightSpec, { version, backend }: LegacyOrigin): HostTensor => {
  if (!CONVOLUTION.test(layer.className) || !spec.key.endsWith('kernel')) return host;
  let made = host;
  if (version === 1 && layer.className === 'Conv1D' && made.shape.length === 4) {
    const turned = made.shape[3] === 1 && made.shape[1] !== 1 ? permuted(made, [2, 3, 1, 0]) : made;
    made = { ...turned, shape: [at(turned.shape, 0), ...turned.shape.slice(2)] };
  } else if (version === 1 && layer.channelsFirst) {
    const rank = made.shape.length;
    made = permuted(made, [...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1, 0]);
  }
  return backend === 'theano' && spec.key !== 'pointwise_kernel' ? mirrored(made, made.shape.length - 2) : made;
};

/** Gates of Keras 1, each with kernel, recurrent kernel and bias, in the order in which Keras 2 has them side by side. */
const GATES: Readonly<Record<string, readonly number[]>> = { LSTM: [0, 2, 1, 3], GRU: [0, 1, 2] };

/** Tensors side by side along the last axis. */
const joined = (name: string, parts: readonly HostTensor[]): HostTensor => {
  const [first] = parts;
  const lead = first?.shape.slice(0, -1) ?? [];
  const widths = parts.map((p) => p.shape.at(-1) ?? 1);
  if (first === undefined || parts.some((p) => p.shape.slice(0, -1).join() !== lead.join() || p.elem !== first.elem))
    return stop(parameterProblem(name, 'its gates have different shapes'));
  const rows = lead.reduce((p, d) => p * d, 1);
  const width = widths.reduce((sum, w) => sum + w, 0);
  const data = makeHost(first.elem, rows * width);
  let column = 0;
  parts.forEach((part, i) => {
    const own = widths[i] ?? 0;
    for (let r = 0; r < rows; r++) data.set(part.data.subarray(r * own, (r + 1) * own), r * width + column);
    column += own;
  });
  return { elem: first.elem, shape: [...lead, width], data };
};

/** Names of the layer's weights in the file; undefined where the file does not have the layer. */
const namesOf = (group: Hdf5Group | undefined): readonly string[] | undefined =>
  group === undefined ? undefined : (longTexts(group, 'weight_names') ?? []);

/**
 * Weights of a legacy file: a group for each layer of the model, whose `weight_names` lists its weights in order; those of a
 * model in the model stand together.
 * @param group - `model_weights`, or the root of a file of weights alone
 */
export const bindLegacy = (group: Hdf5Group, layers: readonly LayerWeights[], origin: LegacyOrigin): BoundWeights => {
  const binder = new WeightBinder();
  for (const layer of layers)
    binder.attempt(() => {
      const specs = orderedSpecs(layer);
      const found = group.get(layer.name);
      const own = found?.kind === 'group' ? found : undefined;
      const names = namesOf(own);
      if (specs === undefined || names === undefined || own === undefined) return;
      const read = (stored: string, name: string): HostTensor => {
        const data = own.get(stored);
        return data?.kind === 'dataset' ? data.read(name) : stop(parameterProblem(name, `the file names ${stored} and does not have it`));
      };
      const gates = origin.version === 1 && Object.hasOwn(GATES, layer.className) ? GATES[layer.className] : undefined;
      if (gates !== undefined && names.length === gates.length * specs.length) {
        specs.forEach(({ spec }, i) =>
          binder.set(layer, spec, () => {
            const name = `${layer.id}/${spec.key}`;
            return joined(
              name,
              gates.map((gate) => read(at(names, gate * specs.length + i), name)),
            );
          }),
        );
        return;
      }
      if (names.length !== specs.length)
        stop(
          parameterProblem(layer.id, `the file has ${names.length} weights for it, but ${layer.className} has ${specs.length}`, [
            'The weights may be of another model.',
          ]),
        );
      specs.forEach(({ layer: inner, spec }, i) => {
        const stored = at(names, i);
        checkName(stored, inner, spec);
        binder.set(inner, spec, () => modernKernel(read(stored, `${inner.id}/${spec.key}`), inner, spec, origin));
      });
    });
  return binder.bound();
};

/** Where the weights of a legacy file are. */
export const legacyGroup = (root: Hdf5Group): Hdf5Group => (root.names.includes('model_weights') ? groupAt(root, 'model_weights') : root);
