import type { HostTensor } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';
import { type BoundWeights, type LayerWeights, WeightBinder } from './weights.ts';
import type { WeightSpec } from './weight-specs.ts';

/** Names by their last part and one of the parts before. */
const indexed = (names: readonly string[]): ((part: string, last: string) => readonly string[]) => {
  const index = new Map<string, string[]>();
  for (const name of names) {
    const parts = name.split('/');
    const last = parts.at(-1) ?? '';
    for (const part of new Set(parts.slice(0, -1).slice(0, 16))) {
      const key = JSON.stringify([part, last]);
      const list = index.get(key);
      if (list === undefined) index.set(key, [name]);
      else list.push(name);
    }
  }
  return (part, last) => index.get(JSON.stringify([part, last])) ?? [];
};

/** Whether a part of the name stands for a part of a layer: `forward_lstm` for forward, `attention_output` for output. */
const isPart = (word: string, part: string): boolean => word === part || word.startsWith(`${part}_`) || word.endsWith(`_${part}`);

/** The name of a weight: it has the layer's name, ends in the weight's, and names the part of the layer. */
const nameOf = (find: ReturnType<typeof indexed>, layer: LayerWeights, outer: string | undefined, spec: WeightSpec): string | undefined => {
  const keys = spec.key.split('/');
  const last = keys.at(-1) ?? '';
  const part = keys.length > 1 ? keys[0] : undefined;
  const owners = [layer.name, ...(outer === undefined ? [] : [outer])];
  for (const owner of owners) {
    const fitting = find(owner, last).filter(
      (n) => part === undefined || n.split('/').some((word) => word !== owner && isPart(word, part)),
    );
    // where models in models have layers of one name, the names of the models tell them apart
    const scopes = layer.id.split('/').slice(0, -1);
    const exact = fitting.filter((n) => scopes.every((s) => n.split('/').includes(s)));
    const length = (n: string): number => n.split('/').length;
    const shortest = Math.min(...exact.map(length));
    const found = fitting.length > 1 ? exact.filter((n) => length(n) === shortest) : fitting;
    if (found.length > 1)
      return stop(parameterProblem(`${layer.id}/${spec.key}`, `several weights may be it: ${found.slice(0, 4).join(', ')}`));
    if (found[0] !== undefined) return found[0];
  }
  return undefined;
};

/** Weights that are found by their names, as TensorFlow.js does. */
export const bindNamed = (
  names: readonly string[],
  get: (name: string) => HostTensor | undefined,
  layers: readonly LayerWeights[],
): BoundWeights => {
  const binder = new WeightBinder();
  const find = indexed(names);
  const taken = new Set<string>();
  const walk = (layer: LayerWeights, outer: string | undefined): void => {
    for (const spec of layer.specs ?? [])
      binder.attempt(() => {
        const name = nameOf(find, layer, outer, spec);
        if (name === undefined) return;
        if (taken.has(name)) stop(parameterProblem(`${layer.id}/${spec.key}`, `${name} is a weight of another layer too`));
        taken.add(name);
        binder.set(layer, spec, () => get(name));
      });
    // Keras 2 names the weights of a layer in TimeDistributed after the wrapper
    for (const child of layer.children) walk(child, layer.place === 'layer' ? layer.name : undefined);
  };
  for (const layer of layers) walk(layer, undefined);
  return binder.bound();
};
