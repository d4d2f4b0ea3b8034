import { damaged, stop } from '../import-problems.ts';
import { field, isObject, type JsonObject, listOf, textField } from './json.ts';
import { modernConfig } from './keras1.ts';

/** One layer of a model, or a model that is used as a layer. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
  /** Calls of the layer in its model, as the file has them. */
  readonly calls: readonly unknown[];
  /** Operations of `keras.ops` that stand in a model like layers. */
  readonly isOperation: boolean;
  /** Package of the class, and the name under which a user registered it. */
  readonly module: string | undefined;
  readonly registered: string | undefined;
}

/** A network of layers. */
export interface KerasModel {
  readonly kind: 'sequential' | 'functional';
  readonly layers: readonly KerasLayer[];
  /** Of `functional`: names of layers with node and tensor, in any nesting. */
  readonly inputs: unknown;
  readonly outputs: unknown;
  /** Of `sequential` without an input layer. */
  readonly inputShape: unknown;
}

/** Classes that hold layers. */
const MODELS: ReadonlyMap<string, KerasModel['kind']> = new Map([
  ['Sequential', 'sequential'],
  ['Functional', 'functional'],
  ['Model', 'functional'],
]);
export const isModelClass = (className: string): boolean => MODELS.has(className);

/** A layer from `{class_name, config, …}`. */
export const layerOf = (value: unknown, version: number, index: number): KerasLayer => {
  const className = textField(value, 'class_name');
  if (className === undefined) return stop(damaged('Keras', `layer ${index} has no class_name`));
  const config = field(value, 'config');
  const isModel = isModelClass(className);
  const plain = isObject(config) ? config : isModel && Array.isArray(config) ? { layers: config } : {};
  const modern = version === 1 && !isModel ? modernConfig(className, plain) : { className, config: plain };
  const name = textField(value, 'name') ?? textField(plain, 'name') ?? `${modern.className}_${index}`;
  const module = textField(value, 'module');
  return {
    ...modern,
    name,
    calls: listOf(field(value, 'inbound_nodes')),
    isOperation: module !== undefined && /^keras(\.src)?\.ops\b/.test(module),
    module,
    registered: textField(value, 'registered_name'),
  };
};

/** The network of a layer that is a model. */
export const modelOf = (layer: KerasLayer, version: number): KerasModel => {
  const kind = MODELS.get(layer.className);
  if (kind === undefined) return stop(damaged('Keras', `${layer.className} ${layer.name} is no network of layers`));
  const layers = listOf(field(layer.config, 'layers')).map((l, i) => layerOf(l, version, i));
  if (layers.length === 0) return stop(damaged('Keras', `${layer.className} ${layer.name} has no layers`));
  return {
    kind,
    layers,
    inputs: field(layer.config, 'input_layers'),
    outputs: field(layer.config, 'output_layers'),
    inputShape: field(layer.config, 'build_input_shape'),
  };
};

/** The shape that a layer's config gives its input; undefined where there is none. */
export const declaredShape = (config: JsonObject): readonly unknown[] | undefined => {
  const given = field(config, 'batch_shape') ?? field(config, 'batch_input_shape');
  if (Array.isArray(given)) return given;
  // Keras 1 and 2 allow the shape without the batch, and its length alone for vectors
  const inner = field(config, 'input_shape');
  if (Array.isArray(inner)) return [null, ...inner];
  const width = field(config, 'input_dim');
  return typeof width === 'number' && !Object.hasOwn(config, 'output_dim') ? [null, width] : undefined;
};
