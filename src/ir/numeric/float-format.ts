/**
 * Narrow float formats, as sets of float32 numbers.
 * Sources: IEEE 754-2019 (binary16); "FP8 Formats for Deep Learning", Micikevicius et al., 2022 (e4m3fn, e5m2); "8-bit Numerical
 * Formats for Deep Neural Networks", Noune et al., 2022 (fnuz); OCP Microscaling Formats 1.0 (e2m1).
 */
interface FloatFormat {
  /** Bits of the fraction. */
  readonly fraction: number;
  /** Exponent of the least normal number. */
  readonly least: number;
  readonly max: number;
  /** What is beyond max when it does not saturate; the formats without a special value always saturate. */
  readonly beyond: 'infinity' | 'nan' | 'max';
  readonly negativeZero: boolean;
}

export const FLOAT_FORMATS = {
  float16: { fraction: 10, least: -14, max: 65504, beyond: 'infinity', negativeZero: true },
  bfloat16: { fraction: 7, least: -126, max: 3.3895313892515355e38, beyond: 'infinity', negativeZero: true },
  float8e4m3fn: { fraction: 3, least: -6, max: 448, beyond: 'nan', negativeZero: true },
  float8e4m3fnuz: { fraction: 3, least: -7, max: 240, beyond: 'nan', negativeZero: false },
  float8e5m2: { fraction: 2, least: -14, max: 57344, beyond: 'infinity', negativeZero: true },
  float8e5m2fnuz: { fraction: 2, least: -15, max: 57344, beyond: 'nan', negativeZero: false },
  float4e2m1: { fraction: 1, least: 0, max: 6, beyond: 'max', negativeZero: true },
} as const satisfies Record<string, FloatFormat>;

export type FloatFormatName = keyof typeof FLOAT_FORMATS;
export const FLOAT_FORMAT_NAMES = Object.keys(FLOAT_FORMATS) as readonly FloatFormatName[];

const word = new DataView(new ArrayBuffer(4));
/** The float32 with these bits, as a number. */
const floatOf = (bits: number): number => {
  word.setUint32(0, bits);
  return word.getFloat32(0);
};
export const bitsOf = (x: number): number => {
  word.setFloat32(0, x);
  return word.getUint32(0);
};

/** What a magnitude beyond max becomes. */
export const beyondMax = (name: FloatFormatName, saturate: boolean): number => {
  const { beyond, max } = FLOAT_FORMATS[name];
  if (saturate || beyond === 'max') return max;
  return beyond === 'infinity' ? Number.POSITIVE_INFINITY : Number.NaN;
};

/** Quantum of the subnormal numbers, 2^(least - fraction); 0 where they are those of float32. */
export const subnormalStep = (name: FloatFormatName): number => {
  const { fraction, least } = FLOAT_FORMATS[name];
  return least === -126 ? 0 : floatOf((least - fraction + 127) << 23);
};

/**
 * The number of the format nearest to a float32, ties to the one with an even fraction; beyond max as `saturate` says. NaN stays
 * NaN, and is -0 in a format without it (as ONNX has it).
 */
export const roundToFormat = (x: number, name: FloatFormatName, saturate: boolean): number => {
  const { fraction, max, negativeZero, beyond } = FLOAT_FORMATS[name];
  if (x !== x) return beyond === 'max' ? -0 : Number.NaN;
  const magnitude = Math.abs(x);
  const step = subnormalStep(name);
  let y: number;
  if (magnitude < step * (1 << fraction)) {
    // below the least normal number: a multiple of the step
    const steps = magnitude / step;
    const low = Math.floor(steps);
    const rest = steps - low;
    y = (rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low) * step;
  } else {
    // a carry out of the fraction goes into the exponent, as it should
    const drop = 23 - fraction;
    const bits = bitsOf(magnitude);
    y = floatOf(((bits + (1 << (drop - 1)) - 1 + ((bits >>> drop) & 1)) >>> drop) << drop);
  }
  if (y > max) y = beyondMax(name, saturate);
  if (y === 0 && !negativeZero) return 0;
  return x < 0 || Object.is(x, -0) ? -y : y;
};

/** The number that a code of a format of 4 or 8 bits stands for. */
export const decodeFormat = (code: number, name: Exclude<FloatFormatName, 'float16' | 'bfloat16'>): number => {
  const { fraction, negativeZero } = FLOAT_FORMATS[name];
  const width = name === 'float4e2m1' ? 4 : 8;
  const body = code & ((1 << (width - 1)) - 1);
  const negative = (code >> (width - 1)) & 1;
  const exponent = body >> fraction;
  const mantissa = body & ((1 << fraction) - 1);
  if (!negativeZero && negative === 1 && body === 0) return Number.NaN;
  if (name === 'float8e4m3fn' && body === 0x7f) return Number.NaN;
  if (name === 'float8e5m2' && exponent === 31) return mantissa === 0 ? (negative === 1 ? -Infinity : Infinity) : Number.NaN;
  const step = subnormalStep(name);
  const one = 1 << fraction;
  const magnitude = exponent === 0 ? mantissa * step : (one + mantissa) * step * floatOf((exponent - 1 + 127) << 23);
  return negative === 1 ? -magnitude : magnitude;
};
