/**
 * A generated model as large as asked for: an embedding, dense layers of 256 MiB one after another and a convolution, all integers.
 * Its text is small and its parameters stand in an archive beside it, so that its size is a matter of disk alone.
 */
export interface BigModel {
  /** Rows of the embedding. */
  readonly rows: number;
  /** Features: every dense layer is width x width. */
  readonly width: number;
  readonly layers: number;
  /** The features as an image, [channels, side, side]. */
  readonly channels: number;
  readonly side: number;
}

/** A parameter: its bytes follow from its number, element by element. */
export interface BigParameter {
  readonly name: string;
  readonly dtype: 'i8' | 'i32';
  readonly shape: readonly number[];
  readonly number: number;
}

const SIDE = 16;

/** The largest model of not more than so many bytes, with layers of width x width. */
export const bigModel = (bytes: number, width: number): BigModel => {
  const [embedding, layer] = [2 * width * width, width * width + 4 * width];
  const channels = width / SIDE ** 2;
  const layers = Math.floor((bytes - embedding - 9 * channels ** 2) / layer);
  if (!Number.isInteger(channels) || layers < 1) throw new RangeError(`no model of ${bytes} bytes has layers of ${width} x ${width}`);
  return { rows: 2 * width, width, layers, channels, side: SIDE };
};

export const bigParameters = ({ rows, width, layers, channels }: BigModel): readonly BigParameter[] => {
  const shapes: readonly (readonly [string, 'i8' | 'i32', readonly number[]])[] = [
    ['embedding', 'i8', [rows, width]],
    ...Array.from({ length: layers }, (_, i) => [[`w${i}`, 'i8', [width, width]] as const, [`b${i}`, 'i32', [width]] as const]).flat(),
    ['kernel', 'i8', [channels, channels, 3, 3]],
  ];
  return shapes.map(([name, dtype, shape], number) => ({ name, dtype, shape, number }));
};

/**
 * Multiplier and shift of a rescale behind a sum of so many products. Weights are uniform over -64 to 63 and features spread over
 * about 40, so sums spread over about 40 * 37 * sqrt(products); they are brought back to about 40.
 */
export const rescaleOf = (products: number): { readonly multiplier: number; readonly shift: number } => {
  const factor = 1 / (37 * Math.sqrt(products));
  const shift = 14 - Math.floor(Math.log2(factor));
  return { multiplier: Math.floor(factor * 2 ** shift), shift };
};

/** The text of the model. */
export const bigText = (model: BigModel): string => {
  const { width, layers, channels, side } = model;
  const rescale = (x: string, products: number): string => {
    const name = products === width ? 'dense' : 'conv';
    return `rescale(${x}, ${name}_multiplier, ${name}_shift, dtype: i8, lo: -128, hi: 127)`;
  };
  const constants = (name: string, products: number): string[] => {
    const { multiplier, shift } = rescaleOf(products);
    return [`  param ${name}_multiplier: i32[1] = [${multiplier}];`, `  param ${name}_shift: i32[1] = [${shift}];`];
  };
  return [
    'mrl 1;',
    'model big {',
    '  input token: i32[1];',
    ...bigParameters(model).map(({ name, dtype, shape }) => `  param ${name}: ${dtype}[${shape.join(', ')}];`),
    ...constants('dense', width),
    ...constants('conv', 9 * channels),
    '  let x0 = gather(embedding, token, axis: 0);',
    ...Array.from({ length: layers }, (_, i) => `  let x${i + 1} = ${rescale(`dense(x${i}, w${i}, b${i})`, width)};`),
    `  let image = reshape(x${layers}, shape: [1, ${channels}, ${side}, ${side}]);`,
    '  let sums = conv(image, kernel, stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1]);',
    `  output y = ${rescale('sums', 9 * channels)};`,
    '}',
    '',
  ].join('\n');
};
