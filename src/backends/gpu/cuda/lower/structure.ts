import type { Geometry } from '../../../cpu/simd/geometry.ts';
import type { Slot } from '../../../cpu/simd/index.ts';

/** A constant of a template: a number, a truth value, or a place in memory, whose address is known when the text is written. */
export type Field = number | boolean | Slot | string;

const typed = (value: Field): { readonly type: string; readonly text: string } => {
  if (typeof value === 'boolean') return { type: 'bool', text: String(value) };
  if (typeof value === 'number') return { type: 'int', text: value === -(2 ** 31) ? '(-2147483647 - 1)' : String(value) };
  if (typeof value === 'string') return { type: 'int', text: value };
  return { type: 'uint32_t', text: `${value.address}u` };
};

/**
 * A structure of constants that a template of the kernels is given.
 * @param name - of the structure, unlike all others of the program
 */
export const structure = (name: string, fields: Readonly<Record<string, Field>>, more = ''): string => {
  const lines = ['int', 'bool', 'uint32_t'].flatMap((type) => {
    const own = Object.entries(fields).flatMap(([key, value]) => {
      const field = typed(value);
      return field.type === type ? [`${key} = ${field.text}`] : [];
    });
    return own.length === 0 ? [] : [`  static constexpr ${type} ${own.join(', ')};`];
  });
  return `struct ${name} {\n${[...lines, ...(more === '' ? [] : [`  ${more}`])].join('\n')}\n};`;
};

/** Fields name_d, name_h and name_w of three sizes. */
export const triple = (name: string, [d, h, w]: readonly [number, number, number]): Readonly<Record<string, number>> => ({
  [`${name}_d`]: d,
  [`${name}_h`]: h,
  [`${name}_w`]: w,
});

/** Sizes of a windowed layer: those of its image as the kernel reads it, and the others as they are. */
export const windowFields = (
  image: Pick<Geometry, 'input' | 'kernel' | 'begin'>,
  { output, stride, dilation }: Geometry,
): Readonly<Record<string, number>> => ({
  ...triple('in', image.input),
  ...triple('out', output),
  ...triple('k', image.kernel),
  ...triple('stride', stride),
  ...triple('dilation', dilation),
  ...triple('begin', image.begin),
});
