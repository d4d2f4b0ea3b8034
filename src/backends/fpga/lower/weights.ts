import { blocksOf, LANES } from '../array/config.ts';

const ENTRY = LANES * LANES;

/** Integers of a parameter. */
export type Numbers = ArrayLike<number>;

/** Weights of a conv: [outputs][inputs][taps], in row-major order. */
export interface ConvWeights {
  readonly data: Numbers;
  readonly outputs: number;
  /** Input channels of an output. */
  readonly inputs: number;
  readonly taps: number;
}

/** Entries for mode dot: for each output block, tap and input block 16 lanes of 16 inputs; zeros where there are no channels. */
export const packDot = ({ data, outputs, inputs, taps }: ConvWeights): Uint8Array => {
  const inputBlocks = blocksOf(inputs);
  const bytes = new Uint8Array(blocksOf(outputs) * taps * inputBlocks * ENTRY);
  for (let o = 0; o < outputs; o++) {
    const lane = Math.floor(o / LANES) * taps * inputBlocks * ENTRY + (o % LANES) * LANES;
    for (let c = 0; c < inputs; c++) {
      const to = lane + (c % LANES) + Math.floor(c / LANES) * ENTRY;
      const from = (o * inputs + c) * taps;
      for (let t = 0; t < taps; t++) bytes[to + t * inputBlocks * ENTRY] = data[from + t] ?? 0;
    }
  }
  return bytes;
};

/**
 * The same where an output block reads one input block: groups that lie inside a block of 16 channels, zeros between them.
 * @param inputs - channels of a group, in and out, a divisor of 16
 */
export const packDiagonal = ({ data, outputs, inputs, taps }: ConvWeights): Uint8Array => {
  const bytes = new Uint8Array(blocksOf(outputs) * taps * ENTRY);
  for (let o = 0; o < outputs; o++) {
    const lane = Math.floor(o / LANES) * taps * ENTRY + (o % LANES) * LANES;
    const group = Math.floor((o % LANES) / inputs) * inputs;
    for (let c = 0; c < inputs; c++)
      for (let t = 0; t < taps; t++) bytes[lane + t * ENTRY + group + c] = data[(o * inputs + c) * taps + t] ?? 0;
  }
  return bytes;
};

/** Entries for mode depthwise: byte t mod 16 of a lane in entry t div 16 is its weight of tap t. */
export const packDepthwise = ({ data, outputs, taps }: ConvWeights): Uint8Array => {
  const entries = Math.ceil(taps / LANES);
  const bytes = new Uint8Array(blocksOf(outputs) * entries * ENTRY);
  for (let o = 0; o < outputs; o++)
    for (let t = 0; t < taps; t++) {
      const entry = Math.floor(o / LANES) * entries + Math.floor(t / LANES);
      bytes[entry * ENTRY + (o % LANES) * LANES + (t % LANES)] = data[o * taps + t] ?? 0;
    }
  return bytes;
};

/** How columns of an image of few channels lie in a beat. */
export interface ColumnPacking {
  /** Bytes of a pixel. */
  readonly pixel: number;
  /** Pixels of a beat that a kernel position takes, and kernel positions. */
  readonly pixels: number;
  readonly groups: number;
}

/** Entries for an image whose beats hold several pixels: input p * pixel + c of kernel position g is channel c of column g * pixels + p. */
export const packColumns = (w: ConvWeights, rows: number, columns: number, { pixel, pixels, groups }: ColumnPacking): Uint8Array => {
  const bytes = new Uint8Array(blocksOf(w.outputs) * rows * groups * ENTRY);
  for (let o = 0; o < w.outputs; o++)
    for (let c = 0; c < w.inputs; c++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          const entry = (Math.floor(o / LANES) * rows + y) * groups + Math.floor(x / pixels);
          bytes[entry * ENTRY + (o % LANES) * LANES + (x % pixels) * pixel + c] =
            w.data[(o * w.inputs + c) * rows * columns + y * columns + x] ?? 0;
        }
  return bytes;
};

/** What an output channel's sum goes through. */
export interface ChannelFinish {
  readonly bias: number;
  readonly multiplier: number;
  readonly shift: number;
}

/** Parameters of blocks of channels: 8 bytes each, zeros behind the last. */
export const packParameters = (channels: number, of: (channel: number) => ChannelFinish): Uint8Array => {
  const bytes = new Uint8Array(blocksOf(channels) * LANES * 8);
  const view = new DataView(bytes.buffer);
  for (let c = 0; c < blocksOf(channels) * LANES; c++) {
    const { bias, multiplier, shift } = c < channels ? of(c) : { bias: 0, multiplier: 0, shift: 1 };
    view.setInt32(8 * c, bias | 0, true);
    view.setUint32(8 * c + 4, (multiplier | (shift << 16)) >>> 0, true);
  }
  return bytes;
};
