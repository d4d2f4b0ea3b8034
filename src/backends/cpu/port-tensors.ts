import type { DType, Tensor, TensorData } from '../../ir/index.ts';
import { at, type Diagnostic, diagnostic } from '../../support/index.ts';

// What src/ir says of tensors, in few words: a program that was prepared before is opened without loading the compiler, whose
// modules take several times as long as all the rest.

const MAKE = {
  i8: (n: number) => new Int8Array(n),
  i16: (n: number) => new Int16Array(n),
  i32: (n: number) => new Int32Array(n),
  u8: (n: number) => new Uint8Array(n),
  bool: (n: number) => new Uint8Array(n),
  f32: (n: number) => new Float32Array(n),
  i6: (n: number) => new Int8Array(n),
} as const satisfies Record<DType, (length: number) => TensorData>;

interface PortType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export const isDType = (name: string): name is DType => Object.hasOwn(MAKE, name);

const countOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const textOf = ({ dtype, shape }: PortType): string => `${dtype}[${shape.join(', ')}]`;

export const blankTensor = ({ dtype, shape }: PortType): Tensor => ({ dtype, shape, data: MAKE[dtype](countOf(shape)) });

export const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** How the tensors differ from the inputs, as `checkInputs` of src/ir says it; lists all. */
export const misfits = (ports: readonly (PortType & { readonly name: string })[], inputs: readonly Tensor[]): readonly Diagnostic[] => {
  if (inputs.length !== ports.length) {
    return [diagnostic('IR0010', `the program has ${ports.length} inputs but ${inputs.length} tensors are given`)];
  }
  return ports.flatMap((port, i) => {
    const given = at(inputs, i);
    return textOf(port) === textOf(given) && given.data.length === countOf(given.shape)
      ? []
      : [diagnostic('IR0010', `input ${port.name} is ${textOf(port)} but the tensor is ${textOf(given)}`)];
  });
};
