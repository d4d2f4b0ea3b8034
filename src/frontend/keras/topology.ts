import type { Diagnostic } from '../../support/index.ts';
import { type ElemName, isElemName } from '../host-tensor.ts';
import { damaged, detailUnsupported, malformed, overLimit, stop } from '../import-problems.ts';
import type { Layer, LayerGraph } from '../layer-graph.ts';
import { attributesOf, opName, policyName } from './attributes.ts';
import { type Call, callOf, refsOf, type TensorRef } from './calls.ts';
import { field, type JsonObject } from './json.ts';
import { declaredShape, isModelClass, type KerasLayer, type KerasModel, layerOf, modelOf } from './model.ts';

/** Layers after models in models, and layers that are called several times, are written out. */
const MAX_LAYERS = 50_000;
/** Names of tensors that they read and make, together. */
const MAX_NAMES = 1_000_000;
export const MAX_NESTING = 32;

/** A network as layers in one graph: models in it are written out. */
export interface Topology {
  readonly inputs: LayerGraph['inputs'];
  readonly layers: readonly Layer[];
  readonly outputs: LayerGraph['outputs'];
  readonly problems: readonly Diagnostic[];
}

/** Where a network stands in the model. */
interface Scope {
  /** Before the names of its layers. */
  readonly id: string;
  /** Before the names of its tensors: a model that is called twice is written out twice. */
  readonly tensors: string;
  /** What its inputs are; undefined: the inputs of the whole. */
  readonly feeds: readonly string[] | undefined;
  readonly depth: number;
}

const inputElem = (config: JsonObject): ElemName => {
  const name = policyName(field(config, 'dtype')) ?? 'float32';
  return isElemName(name) ? name : 'float32';
};

/** A batch of open size is taken as 1; what else is open has to be given. */
const inputShape = (declared: readonly unknown[] | undefined): readonly number[] | undefined => {
  const fixed = declared?.map((d, i) => (d === null && i === 0 ? 1 : d));
  return fixed?.every((d): d is number => typeof d === 'number' && Number.isSafeInteger(d) && d >= 0) === true ? fixed : undefined;
};

/** Whether a model used as a layer counts from 1: Keras 1 and 2 count the call that made it, if it had its input then. */
const startsMade = (layer: KerasLayer, version: number): boolean => {
  if (!isModelClass(layer.className) || version >= 3) return false;
  const { kind, layers } = modelOf(layer, version);
  const [first] = layers;
  return kind === 'functional' || (first !== undefined && (first.className === 'InputLayer' || declaredShape(first.config) !== undefined));
};

/** Numbers of calls and of outputs that are read of each layer of a network. */
interface Uses {
  /** What is taken off the numbers of calls, by layer. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Outputs that are read, by layer and call. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Most outputs of one layer; one with a greater number is read, but never defined. */
const MAX_OUTPUTS = 4096;

const usesOf = (layers: readonly KerasLayer[], refs: readonly TensorRef[], version: number): Uses => {
  const first = new Set(refs.filter((r) => r.node === 0).map((r) => r.layer));
  const last = new Map<string, number>();
  for (const r of refs) last.set(r.layer, Math.max(last.get(r.layer) ?? 0, r.node));
  const offsets = new Map<string, number>();
  for (const layer of layers) {
    if (!isModelClass(layer.className)) continue;
    const isLater = (last.get(layer.name) ?? 0) >= layer.calls.length || (!first.has(layer.name) && startsMade(layer, version));
    if (isLater) offsets.set(layer.name, 1);
  }
  const counts = new Map<string, number>();
  for (const r of refs) {
    const key = `${r.layer}@${r.node - (offsets.get(r.layer) ?? 0)}`;
    counts.set(key, Math.max(counts.get(key) ?? 1, Math.min(MAX_OUTPUTS, r.tensor + 1)));
  }
  return { offsets, counts };
};

const tensorName = (scope: Scope, layer: string, node: number, tensor: number): string =>
  `${scope.tensors}${layer}${node === 0 ? '' : `@${node}`}${tensor === 0 ? '' : `:${tensor}`}`;

/** Writes a model out as layers. */
class Expander {
  readonly inputs: LayerGraph['inputs'][number][] = [];
  readonly layers: Layer[] = [];
  readonly problems: Diagnostic[] = [];
  private readonly version: number;
  private names = 0;

  constructor(version: number) {
    this.version = version;
  }

  /** The tensors that a network gives out. */
  network(model: KerasModel, scope: Scope): readonly { readonly name: string; readonly tensor: string }[] {
    if (scope.depth > MAX_NESTING) return stop(overLimit(`models are nested more than ${MAX_NESTING} deep`));
    return model.kind === 'sequential' ? this.sequential(model, scope) : this.functional(model, scope);
  }

  private add(layer: Layer): void {
    if (this.layers.length >= MAX_LAYERS) stop(overLimit(`the model has more than ${MAX_LAYERS} layers when models in it are written out`));
    this.names += layer.inputs.length + layer.outputs.length;
    if (this.names > MAX_NAMES) stop(overLimit(`the layers of the model have more than ${MAX_NAMES} inputs and outputs`));
    this.layers.push(layer);
  }

  private input(layer: KerasLayer, tensor: string): void {
    if (field(layer.config, 'ragged') === true) this.problems.push(detailUnsupported(layer.className, layer.name, 'ragged inputs'));
    if (policyName(field(layer.config, 'dtype')) === 'string')
      this.problems.push(detailUnsupported(layer.className, layer.name, 'inputs that are texts'));
    this.inputs.push({ name: tensor, elem: inputElem(layer.config), shape: inputShape(declaredShape(layer.config)) });
  }

  /** An input of a network in the model: a name for what is fed. */
  private fed(layer: KerasLayer, scope: Scope, feed: string | undefined, tensor: string): void {
    if (feed === undefined) this.problems.push(malformed(`input ${layer.name} of a model in the model is fed nothing`, scope.id));
    else this.add({ name: `${scope.id}${layer.name}`, op: 'InputLayer', inputs: [feed], outputs: [tensor], attributes: new Map() });
  }

  private functional(model: KerasModel, scope: Scope): readonly { readonly name: string; readonly tensor: string }[] {
    const calls = model.layers.map((layer) => layer.calls.map(callOf));
    const outputs = refsOf(model.outputs);
    const { offsets, counts } = usesOf(model.layers, [...calls.flatMap((c) => c.flatMap((call) => call.refs)), ...outputs], this.version);
    const nameOf = (r: TensorRef): string => tensorName(scope, r.layer, r.node - (offsets.get(r.layer) ?? 0), r.tensor);
    const order = refsOf(model.inputs).map((r) => r.layer);
    model.layers.forEach((layer, i) => {
      if (layer.className === 'InputLayer') {
        const tensor = tensorName(scope, layer.name, 0, 0);
        if (scope.feeds === undefined) this.input(layer, tensor);
        else this.fed(layer, scope, scope.feeds[order.indexOf(layer.name)], tensor);
        return;
      }
      (calls[i] ?? []).forEach((call, node) => {
        const count = counts.get(`${layer.name}@${node}`) ?? 1;
        const outs = Array.from({ length: count }, (_, t) => tensorName(scope, layer.name, node, t));
        this.layer(layer, scope, node, call.refs.map(nameOf), outs, call);
      });
    });
    if (scope.feeds === undefined) this.inputs.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    return outputs.map((r) => ({ name: r.tensor === 0 ? r.layer : `${r.layer}_${r.tensor}`, tensor: nameOf(r) }));
  }

  private sequential(model: KerasModel, scope: Scope): readonly { readonly name: string; readonly tensor: string }[] {
    const [first] = model.layers;
    if (first === undefined) return [];
    let current: string;
    let rest = model.layers;
    if (first.className === 'InputLayer') {
      current = tensorName(scope, first.name, 0, 0);
      rest = model.layers.slice(1);
      if (scope.feeds === undefined) this.input(first, current);
      else this.fed(first, scope, scope.feeds[0], current);
    } else if (scope.feeds === undefined) {
      current = `${first.name}_input`;
      const shape = declaredShape(first.config) ?? declaredShape({ batch_shape: model.inputShape });
      this.inputs.push({ name: current, elem: first.className === 'Embedding' ? 'int32' : 'float32', shape: inputShape(shape) });
    } else {
      const [feed] = scope.feeds;
      if (feed === undefined) return stop(malformed('a model in the model is fed nothing', scope.id));
      current = feed;
    }
    for (const layer of rest) {
      const out = tensorName(scope, layer.name, 0, 0);
      this.layer(layer, scope, 0, [current], [out], undefined);
      current = out;
    }
    return [{ name: rest.at(-1)?.name ?? first.name, tensor: current }];
  }

  /** One call of a layer: as it is, or written out. */
  private layer(
    layer: KerasLayer,
    scope: Scope,
    node: number,
    inputs: readonly string[],
    outputs: readonly string[],
    call: Call | undefined,
  ): void {
    const name = `${scope.id}${layer.name}`;
    const inside: Scope = {
      id: `${name}/`,
      tensors: `${scope.tensors}${layer.name}${node === 0 ? '' : `@${node}`}/`,
      feeds: inputs,
      depth: scope.depth + 1,
    };
    if (inside.depth > MAX_NESTING) return stop(overLimit(`layers are nested more than ${MAX_NESTING} deep`));
    const op = opName(layer);
    if (isModelClass(op)) {
      const given = this.network(modelOf(layer, this.version), inside);
      const named =
        call === undefined ? new Map<string, unknown>() : new Map([...call.named].map(([key, value]) => [`call.${key}`, value]));
      const results = given.map((g) => g.tensor);
      return this.add({ name, op, inputs: results, outputs: outputs.slice(0, Math.max(1, results.length)), attributes: named });
    }
    const attributes = new Map([...attributesOf(layer, call), ['keras', this.version]]);
    if (op !== 'TimeDistributed') return this.add({ name, op, version: undefined, inputs, outputs, attributes });
    const [apart, done] = [`${inside.tensors}steps`, `${inside.tensors}results`];
    const rest = new Map([...attributes].filter(([key]) => key !== 'layer'));
    this.add({ name, op, inputs, outputs: [apart], attributes: new Map([...rest, ['part', 'before']]) });
    this.layer(layerOf(field(layer.config, 'layer'), this.version, 0), { ...inside, feeds: undefined }, 0, [apart], [done], undefined);
    this.add({ name, op, inputs: [done, ...inputs.slice(0, 1)], outputs, attributes: new Map([['part', 'after']]) });
  }
}

/** @throws {MrlError} IMP1001, IMP1006, IMP1007 */
export const topologyOf = (root: KerasLayer, version: number): Topology => {
  if (!isModelClass(opName(root)))
    return stop(
      damaged('Keras', `its model is a ${opName(root)}; only Sequential and functional models say in the file what they compute`),
    );
  const expander = new Expander(version);
  const outputs = expander.network(modelOf(root, version), { id: '', tensors: '', feeds: undefined, depth: 0 });
  return { inputs: expander.inputs, layers: expander.layers, outputs, problems: expander.problems };
};
