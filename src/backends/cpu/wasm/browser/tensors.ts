import type { Tensor } from '../../../../ir/index.ts';
import type { DType, Input, Inputs, Port, TensorData } from './api.ts';
import { ModelError } from './model-error.ts';

const ARRAYS: Readonly<Record<DType, readonly string[]>> = {
  i8: ['Int8Array'],
  i6: ['Int8Array'],
  u8: ['Uint8Array', 'Uint8ClampedArray'],
  bool: ['Uint8Array'],
  i16: ['Int16Array'],
  i32: ['Int32Array'],
  f32: ['Float32Array'],
};

/** Values that the bytes of a narrower type may have. */
const LIMITS: Readonly<Partial<Record<DType, readonly [lo: number, hi: number]>>> = { i6: [-32, 31], bool: [0, 1] };

const countOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const typeText = ({ dtype, shape }: Omit<Port, 'name'>): string => `${dtype}[${shape.join(', ')}]`;

/** The name of a typed array's class, also of one from another frame; undefined for anything else. */
const classOf = (data: unknown): string | undefined => {
  if (!ArrayBuffer.isView(data) || data instanceof DataView) return undefined;
  return Object.prototype.toString.call(data).slice('[object '.length, -1);
};

interface Given {
  readonly data: unknown;
  readonly shape: readonly number[] | undefined;
}

const givenOf = (input: Input): Given =>
  ArrayBuffer.isView(input) ? { data: input, shape: undefined } : { data: input.data, shape: input.shape };

/** What is wrong with an input; undefined when it fits. */
const problemOf = (port: Port, given: Given | undefined): string | undefined => {
  const wanted = `input ${port.name} is ${typeText(port)}`;
  if (given === undefined) return `${wanted} but is not given`;
  const { data, shape } = given;
  const name = classOf(data);
  const allowed = ARRAYS[port.dtype];
  if (name === undefined || !ARRAYS[port.dtype].includes(name))
    return `${wanted}, which takes ${allowed[0]}, but ${name ?? (data === null ? 'null' : `a value of type ${typeof data}`)} is given`;
  const { length } = data as TensorData;
  if (shape !== undefined && (shape.length !== port.shape.length || shape.some((d, i) => d !== port.shape[i])))
    return `${wanted} but a tensor of shape [${shape.join(', ')}] is given`;
  if (length !== countOf(port.shape)) return `${wanted}, which has ${countOf(port.shape)} elements, but ${length} are given`;
  const limits = LIMITS[port.dtype];
  const at = limits === undefined ? -1 : (data as Int8Array).findIndex((v) => v < limits[0] || v > limits[1]);
  return at < 0
    ? undefined
    : `${wanted} with values from ${limits?.[0]} to ${limits?.[1]}, but element ${at} is ${(data as Int8Array)[at]}`;
};

const isList = (inputs: Inputs): inputs is readonly Input[] => Array.isArray(inputs);

/** What is given for each port, and problems with names or numbers. */
const assign = (
  ports: readonly Port[],
  inputs: Inputs,
): { readonly given: readonly (Input | undefined)[]; readonly problems: readonly string[] } => {
  if (isList(inputs)) {
    const problems = inputs.length > ports.length ? [`the model has ${ports.length} inputs, but ${inputs.length} are given`] : [];
    return { given: ports.map((_, i) => inputs[i]), problems };
  }
  const names = ports.map((p) => p.name);
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name));
  return {
    given: names.map((name) => inputs[name]),
    problems: unknown.map((name) => `there is no input ${name}; the inputs are ${names.join(', ') || 'none'}`),
  };
};

/** The inputs as tensors, in their order. @throws {ModelError} IR0010 with every input that does not fit */
export const toTensors = (ports: readonly Port[], inputs: Inputs): readonly Tensor[] => {
  if (typeof inputs !== 'object' || inputs === null)
    throw new ModelError(
      'IR0010',
      `inputs are a value of type ${typeof inputs}`,
      'Give a list of typed arrays, or an object with one for each input.',
    );
  const { given, problems: misnamed } = assign(ports, inputs);
  const all = given.map((input) =>
    typeof input === 'object' && input !== null ? givenOf(input) : input === undefined ? undefined : { data: input, shape: undefined },
  );
  const problems = [...misnamed, ...ports.flatMap((port, i) => problemOf(port, all[i]) ?? [])];
  if (problems.length > 0)
    throw new ModelError('IR0010', problems.join('; '), 'Each input takes one typed array with its elements in row-major order.');
  return ports.map(({ dtype, shape }, i) => {
    const data = all[i]?.data as TensorData | Uint8ClampedArray;
    const plain = data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
    return { dtype, shape, data: plain } as Tensor;
  });
};
