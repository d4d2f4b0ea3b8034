import { blocksOf, LANES } from '../array/config.ts';
import type { Phase } from '../array/task.ts';

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

/** How windows of a conv lie in the beats of rows. */
export interface LineWindow {
  /** Bytes from a pixel to the next: the channels, or 1 where they are planes. */
  readonly pixel: number;
  readonly kernel: readonly [y: number, x: number];
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
}

/** Phases of output columns, and beats of a row from one of a phase to the next. */
export const linePhases = (w: LineWindow, planes: number): { readonly phases: readonly Phase[]; readonly step: number } => {
  const apart = w.stride * w.pixel;
  let count = 1;
  while ((count * apart) % LANES !== 0) count *= 2;
  let entry = 0;
  const phases = Array.from({ length: count }, (_, p): Phase => {
    const first = (p * w.stride - w.begin) * w.pixel;
    const last = first + ((w.kernel[1] - 1) * w.dilation + 1) * w.pixel - 1;
    const start = Math.floor(first / LANES);
    const kernel = Math.floor(last / LANES) - start + 1;
    const phase = { entry, entries: w.kernel[0] * kernel * planes, kernel, start };
    entry += phase.entries;
    return phase;
  });
  return { phases, step: (count * apart) / LANES };
};

/** Entries of all phases of an output block, one behind the other: those of a phase in the order of its taps, planes last. */
export const packLines = (w: ConvWeights, window: LineWindow, planes: number, phases: readonly Phase[]): Uint8Array => {
  const entries = phases.reduce((n, p) => n + p.entries, 0);
  const bytes = new Uint8Array(blocksOf(w.outputs) * entries * ENTRY);
  const [rows, columns] = window.kernel;
  for (let o = 0; o < w.outputs; o++)
    for (let c = 0; c < w.inputs; c++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          phases.forEach((phase, p) => {
            const inPixel = planes > 1 ? 0 : c;
            const byte = (p * window.stride - window.begin + x * window.dilation) * window.pixel + inPixel - phase.start * LANES;
            const tap = (y * phase.kernel + Math.floor(byte / LANES)) * planes + (planes > 1 ? c : 0);
            const at = (Math.floor(o / LANES) * entries + phase.entry + tap) * ENTRY;
            bytes[at + (o % LANES) * LANES + (byte % LANES)] = w.data[(o * w.inputs + c) * rows * columns + y * columns + x] ?? 0;
          });
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
