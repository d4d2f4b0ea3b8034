import type { Slot } from '../../cpu/simd/index.ts';

/** A tensor as the array reads and writes it: [images][height][width][pitch] beats. */
export interface Tensor16 {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  /** Beats of a pixel: blocks of 16 channels, four beats each for sums of 32 bits. */
  readonly pitch: number;
  /** Images of planes, [images][planes][height][width] beats: 16 columns of a channel are a beat. Pitch is 1 then. */
  readonly planes?: number;
  /** Where it lies in external memory. */
  readonly slot: Slot;
}

/**
 * Output columns that find their window at the same bytes of their beats. All weights of a block lie one behind the other, phase by phase.
 */
export interface Phase {
  /** First entry in those of a block, and how many. */
  readonly entry: number;
  readonly entries: number;
  /** Kernel columns in beats, and the beat of the first for the phase's first output column. */
  readonly kernel: number;
  readonly start: number;
}

/** Some neighbouring beats of each pixel of a buffer. */
export interface View {
  readonly buffer: Tensor16;
  readonly first: number;
  readonly beats: number;
}

/** Another tensor that is added to the bytes of a result (command ADDEND). */
export interface Addition {
  readonly view: View;
  readonly multiplierA: number;
  readonly multiplierB: number;
  readonly zeroA: number;
  readonly zeroB: number;
  readonly shift: number;
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
}

/** Weights in external memory. */
export interface Weights {
  readonly slot: Slot;
  /** Bytes from the start of the slot. */
  readonly offset: number;
  /** Entries of an output block. */
  readonly entries: number;
  /** Where they are rows of another activation: input i of all output channels, `pitch` bytes from a row to the next. */
  readonly rows?: { readonly count: number; readonly pitch: number; readonly zeros: Slot; readonly buffer: Tensor16 };
}

export type Mode = 'dot' | 'depthwise' | 'sum' | 'max';

type Pair = readonly [y: number, x: number];

/** What one COMPUTE command would do with memories without end: one layer, or one group or batch of it. */
export interface Task {
  readonly mode: Mode;
  readonly result: 'rescale' | 'raw' | 'byte';
  readonly input: View;
  readonly output: View;
  /** Images of both, from the first on. */
  readonly inputImage: number;
  readonly outputImage: number;
  readonly images: number;
  /** Output rows of each image. */
  readonly firstRow: number;
  readonly rowCount: number;
  /** Blocks of a tap. */
  readonly inputs: number;
  /** Input blocks from an output block to the next. */
  readonly inputStep: number;
  readonly outputBlocks: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Padding before the first row and column. */
  readonly begin: Pair;
  readonly pad: number;
  readonly weights?: Weights;
  /** Where inputs are beats of columns: output column x is of phase x mod their number, and `stride` 1 is from one of a phase to the next. */
  readonly phases?: readonly Phase[];
  /** Parameters of the output blocks, 128 bytes each. */
  readonly parameters?: { readonly slot: Slot; readonly offset: number };
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
  readonly addition?: Addition;
  readonly table?: Slot;
  /** Bound of the magnitudes of partial sums. */
  readonly mostSum: number;
}

/** Beats of an output block. */
export const resultBeats = ({ result }: Pick<Task, 'result'>): number => (result === 'raw' ? 4 : 1);

/** Some output blocks of a task. */
export const narrowed = (task: Task, from: number, blocks: number): Task => {
  const beats = resultBeats(task);
  const { input, output, weights, parameters, addition } = task;
  const first = from * task.inputStep;
  return {
    ...task,
    outputBlocks: blocks,
    input: task.inputStep === 0 ? input : { ...input, first: input.first + first, beats: (blocks - 1) * task.inputStep + task.inputs },
    output: { ...output, first: output.first + from * beats, beats: blocks * beats },
    ...(weights === undefined
      ? {}
      : { weights: { ...weights, offset: weights.offset + (weights.rows === undefined ? from * weights.entries * 256 : from * 16) } }),
    ...(parameters === undefined ? {} : { parameters: { ...parameters, offset: parameters.offset + from * 128 } }),
    ...(addition === undefined
      ? {}
      : { addition: { ...addition, view: { ...addition.view, first: addition.view.first + from, beats: blocks } } }),
  };
};
