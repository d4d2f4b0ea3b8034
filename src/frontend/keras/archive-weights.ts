import { isElemName } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';
import type { Hdf5Dataset, Hdf5Group } from './hdf5/index.ts';
import { type BoundWeights, type LayerWeights, WeightBinder } from './weights.ts';

/** `SeparableConv1D` as `separable_conv1d` (keras/src/utils/naming.py). */
const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** Names of the groups of layers in a model: class by class, numbered from the second on. */
const groupNames = (layers: readonly LayerWeights[]): readonly string[] => {
  const used = new Map<string, number>();
  return layers.map((layer) => {
    const name = snakeCase(layer.className);
    const count = used.get(name) ?? 0;
    used.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  });
};

/** Places of the layers of a model: that of Keras 3, and that of tf_keras before 2.16. */
const CONTAINERS = ['layers', '_layer_checkpoint_dependencies'];

const childGroup = (group: Hdf5Group | undefined, path: string): Hdf5Group | undefined => {
  const found = group?.get(path);
  return found?.kind === 'group' ? found : undefined;
};

/** bfloat16 is stored as integers, and says so. */
const readAs = (dataset: Hdf5Dataset, name: string): ReturnType<Hdf5Dataset['read']> => {
  const stated = dataset.texts('dtype')?.[0];
  return dataset.read(name, stated !== undefined && isElemName(stated) ? stated : undefined);
};

/** The name that Keras writes beside the weights has to be that of the layer. */
const checkLayer = (group: Hdf5Group, layer: LayerWeights, path: string): void => {
  const stated = childGroup(group, 'vars')?.texts('name')?.[0];
  if (stated !== undefined && stated !== layer.name)
    stop(parameterProblem(layer.id, `the file has the weights of ${stated} at ${path}, where those of ${layer.name} are wanted`));
};

/**
 * Weights of an archive of Keras 3, `model.weights.h5`: a group for each layer, named by its class and number, in the order of the
 * config; `vars` holds the weights by number (keras/src/saving/saving_lib.py).
 */
export const bindArchive = (root: Hdf5Group, layers: readonly LayerWeights[]): BoundWeights => {
  const binder = new WeightBinder();
  const leaf = (group: Hdf5Group, layer: LayerWeights, path: string): void => {
    checkLayer(group, layer, path);
    for (const spec of layer.specs ?? [])
      binder.attempt(() => {
        const places = spec.places.filter((p) => group.get(p)?.kind === 'dataset');
        const [place] = places;
        if (place === undefined) return;
        binder.set(layer, spec, () => {
          const data = group.get(place);
          const name = `${layer.id}/${spec.key}`;
          return data?.kind === 'dataset' ? readAs(data, name) : stop(parameterProblem(name, `it is not at ${path}/${place}`));
        });
      });
  };
  const walk = (group: Hdf5Group | undefined, children: readonly LayerWeights[], path: string): void => {
    const names = groupNames(children);
    children.forEach((layer, i) =>
      binder.attempt(() => {
        const name = names[i] ?? '';
        const own = childGroup(group, name);
        if (own === undefined) return;
        if (layer.children.length === 0) return leaf(own, layer, `${path}/${name}`);
        inside(own, layer, `${path}/${name}`);
      }),
    );
  };
  const inside = (own: Hdf5Group, layer: LayerWeights, path: string): void => {
    checkLayer(own, layer, path);
    if (layer.place === 'layers')
      return walk(
        CONTAINERS.map((c) => childGroup(own, c)).find((g) => g !== undefined),
        layer.children,
        path,
      );
    const [inner] = layer.children;
    const group = childGroup(own, 'layer');
    if (inner === undefined || group === undefined) return;
    if (inner.children.length > 0) inside(group, inner, `${path}/layer`);
    else leaf(group, inner, `${path}/layer`);
  };
  walk(
    CONTAINERS.map((c) => childGroup(root, c)).find((g) => g !== undefined),
    layers,
    '',
  );
  return binder.bound();
};

/** Whether a file of weights is of this form. */
export const isArchiveWeights = (root: Hdf5Group): boolean =>
  CONTAINERS.some((c) => childGroup(root, c) !== undefined) && root.texts('layer_names') === undefined;
