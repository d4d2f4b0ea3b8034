import type { Diagnostic } from '../../support/index.ts';
import type { HostTensor } from '../host-tensor.ts';
import { caught, definedTwice, overLimit, parameterProblem, stop } from '../import-problems.ts';
import { field, isObject } from './json.ts';
import { isModelClass, type KerasLayer, layerOf, modelOf } from './model.ts';
import { opName } from './attributes.ts';
import { KERAS_LAYERS } from './ops/index.ts';
import { MAX_NESTING } from './topology.ts';
import { type WeightSpec, weightsOfClass } from './weight-specs.ts';

/** A layer with its weights, or with the layers in it. */
export interface LayerWeights {
  readonly className: string;
  /** Its own name, without those of the models around it. */
  readonly name: string;
  /** Its name among all layers: before the names of its weights. */
  readonly id: string;
  /** Undefined for a layer of a class that is not known. */
  readonly specs: readonly WeightSpec[] | undefined;
  readonly trainable: boolean;
  readonly channelsFirst: boolean;
  readonly children: readonly LayerWeights[];
  /** How archives name the place of its children. */
  readonly place: 'layers' | 'layer';
}

const MAX_LAYERS = 100_000;

/** The layers of a model as a tree, each once however often it is called. */
export const weightTree = (root: KerasLayer, version: number): readonly LayerWeights[] => {
  let left = MAX_LAYERS;
  // operations are no layers to Keras: files of weights neither have nor count them
  const layersOf = (layer: KerasLayer): readonly KerasLayer[] => modelOf(layer, version).layers.filter((l) => !l.isOperation);
  const node = (layer: KerasLayer, prefix: string, frozen: boolean, depth: number): LayerWeights => {
    left -= 1;
    if (left < 0 || depth > MAX_NESTING)
      return stop(overLimit(`the model has more than ${MAX_LAYERS} layers, or is nested more than ${MAX_NESTING} deep`));
    const id = `${prefix}${layer.name}`;
    const op = opName(layer);
    const trainable = !frozen && field(layer.config, 'trainable') !== false;
    const inside = (l: KerasLayer): LayerWeights => node(l, `${id}/`, !trainable, depth + 1);
    const channelsFirst = field(layer.config, 'data_format') === 'channels_first';
    const base = { className: layer.className, name: layer.name, id, trainable, channelsFirst };
    if (isModelClass(op)) return { ...base, specs: [], children: layersOf(layer).map(inside), place: 'layers' };
    if (op === 'TimeDistributed') {
      const inner = field(layer.config, 'layer');
      return { ...base, specs: [], children: isObject(inner) ? [inside(layerOf(inner, version, 0))] : [], place: 'layer' };
    }
    return {
      ...base,
      specs: Object.hasOwn(KERAS_LAYERS, op) ? weightsOfClass(op, layer.config) : undefined,
      children: [],
      place: 'layers',
    };
  };
  return layersOf(root).map((l) => node(l, '', false, 0));
};

/** Reads a weight, or stops with what is wrong; undefined where its file is missing. */
type ReadWeight = () => HostTensor | undefined;

/** The weights of a model by `layer/weight`, and what did not fit. */
export interface BoundWeights {
  readonly stored: (name: string) => HostTensor | undefined;
  readonly problems: readonly Diagnostic[];
}

/** Weights by name, each read once. */
export class WeightBinder {
  private readonly places = new Map<string, ReadWeight>();
  private readonly read = new Map<string, HostTensor>();
  readonly problems: Diagnostic[] = [];

  set(layer: LayerWeights, spec: WeightSpec, read: ReadWeight): void {
    const name = `${layer.id}/${spec.key}`;
    if (this.places.has(name)) this.problems.push(definedTwice(`weight ${name}`, layer.id));
    this.places.set(name, read);
  }
  /** Does what may stop, and keeps why. */
  attempt(f: () => void): void {
    try {
      f();
    } catch (error) {
      this.problems.push(...caught(error));
    }
  }
  bound(): BoundWeights {
    return {
      problems: this.problems,
      stored: (name) => {
        const have = this.read.get(name);
        if (have !== undefined) return have;
        const made = this.places.get(name)?.();
        if (made !== undefined) this.read.set(name, made);
        return made;
      },
    };
  }
}

/** All weights below a layer, trainable ones first, as Keras lists them; undefined where a class in it is not known. */
export const orderedSpecs = (layer: LayerWeights): readonly { readonly layer: LayerWeights; readonly spec: WeightSpec }[] | undefined => {
  const found: { readonly layer: LayerWeights; readonly spec: WeightSpec }[] = [];
  const walk = (l: LayerWeights): boolean => {
    if (l.specs === undefined) return false;
    found.push(...l.specs.map((spec) => ({ layer: l, spec })));
    return l.children.every(walk);
  };
  if (!walk(layer)) return undefined;
  const isTrained = (f: { readonly layer: LayerWeights; readonly spec: WeightSpec }): boolean => f.layer.trainable && f.spec.trainable;
  return [...found.filter(isTrained), ...found.filter((f) => !isTrained(f))];
};

/** Weights that a name may say to be another. */
const NAMES = new Set([
  'kernel',
  'bias',
  'recurrent_kernel',
  'gamma',
  'beta',
  'moving_mean',
  'moving_variance',
  'depthwise_kernel',
  'pointwise_kernel',
  'embeddings',
]);

/** `dense_1/kernel:0` is the kernel; names that say nothing pass. */
export const checkName = (stored: string, layer: LayerWeights, spec: WeightSpec): void => {
  const last = (stored.split('/').at(-1) ?? '').replace(/:\d+$/, '');
  const wanted = spec.key.split('/').at(-1) ?? '';
  if (NAMES.has(last) && last !== wanted && !(last === 'kernel' && wanted.endsWith('kernel')))
    stop(parameterProblem(`${layer.id}/${spec.key}`, `the file has ${stored} in its place`, ['The weights may be of another model.']));
};
