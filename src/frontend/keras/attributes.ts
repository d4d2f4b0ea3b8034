import type { Call } from './calls.ts';
import { field, isObject, textField } from './json.ts';
import type { KerasLayer } from './model.ts';

/** Keys of a config that say how a layer is trained, named or run, not what it computes at inference. */
const IDLE = new Set([
  'name',
  'trainable',
  'batch_input_shape',
  'batch_shape',
  'input_shape',
  'input_dtype',
  'sparse',
  'ragged',
  'optional',
  'seed',
  'autocast',
  'implementation',
  'unroll',
  'momentum',
  'renorm_momentum',
  'renorm_clipping',
  'synchronized',
  'fused',
  'dropout',
  'recurrent_dropout',
  'unit_forget_bias',
  'input_length',
]);
const isIdle = (key: string): boolean => IDLE.has(key) || /_(initializer|regularizer|constraint)$/.test(key);

/** The name of a type or of a policy for types, in all forms. */
export const policyName = (dtype: unknown): string | undefined => {
  if (typeof dtype === 'string') return dtype;
  return textField(field(dtype, 'config'), 'name') ?? textField(dtype, 'class_name');
};

/** What a layer computes, by the names of its class: the config without what is of no meaning at inference, and the arguments of a call. */
export const attributesOf = (layer: KerasLayer, call: Call | undefined): ReadonlyMap<string, unknown> => {
  const attributes = new Map<string, unknown>();
  for (const [key, value] of Object.entries(layer.config)) {
    if (isIdle(key) || value === null || (key === 'function' && isFunction(layer))) continue;
    if (key !== 'dtype') attributes.set(key, value);
    else if (!['float32', undefined].includes(policyName(value))) attributes.set(key, policyName(value));
  }
  if (call === undefined) return attributes;
  const isTensor = (v: unknown): boolean => (Array.isArray(v) ? v.every(isTensor) : isObject(v) && 'tensor' in v);
  if (layer.isOperation || isFunction(layer)) attributes.set('args', call.args);
  else if (!call.args.every(isTensor)) attributes.set('args', call.args);
  for (const [key, value] of call.named) attributes.set(`call.${key}`, value);
  return attributes;
};

/** Layers of Keras 2 that stand for a function of TensorFlow. */
const isFunction = ({ className }: KerasLayer): boolean => className === 'TFOpLambda' || className === 'SlicingOpLambda';

/** Packages whose classes mean what their names say. */
const OWN_MODULE = /^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras|keras_core)(\.|$)/;

/**
 * The type of a layer in the words of the table: its class; `ops.Add` for an operation of Keras 3; `tf.math.add` for a function
 * of TensorFlow. A class of someone else keeps its package, so that it is never taken for one of Keras that has its name.
 */
export const opName = (layer: KerasLayer): string => {
  const { module, registered } = layer;
  if (layer.isOperation) return `ops.${layer.className}`;
  if (isFunction(layer)) return `tf.${textField(layer.config, 'function') ?? layer.className}`;
  if (registered?.includes('>') === true && !/^keras/i.test(registered)) return registered;
  if (module !== undefined && !OWN_MODULE.test(module)) return `${module}.${layer.className}`;
  return layer.className;
};
