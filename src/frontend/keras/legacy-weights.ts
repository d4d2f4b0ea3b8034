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
      if (names.length !== specs.length)
        stop(
          parameterProblem(layer.id, `the file has ${names.length} weights for it, but ${layer.className} has ${specs.length}`, [
            'The weights may be of another model.',
          ]),
        );
      specs.forEach(({ layer: inner, spec }, i) => {
        const stored = at(names, i);
        checkName(stored, inner, spec);
        binder.set(inner, spec, () => {
          const data = own.get(stored);
          const name = `${inner.id}/${spec.key}`;
          if (data?.kind !== 'dataset') return stop(parameterProblem(name, `the file names ${stored} and does not have it`));
          return modernKernel(data.read(name), inner, spec, origin);
        });
      });
    });
  return binder.bound();
};

/** Where the weights of a legacy file are. */
export const legacyGroup = (root: Hdf5Group): Hdf5Group => (root.names.includes('model_weights') ? groupAt(root, 'model_weights') : root);
