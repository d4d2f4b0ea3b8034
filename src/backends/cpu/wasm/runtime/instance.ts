import type { DType, Tensor } from '../../../../ir/index.ts';
import { CONTROL, type ControlWord } from './control.ts';
import { type Exports, instantiate, type Memory, type Module } from './engine.ts';
import type { OutputPort, Port, ProgramInfo } from './program-info.ts';

type View = (buffer: ArrayBufferLike, offset: number, length: number) => Tensor['data'];

const VIEWS: Readonly<Record<DType, View>> = {
  i8: (b, o, n) => new Int8Array(b, o, n),
  i6: (b, o, n) => new Int8Array(b, o, n),
  u8: (b, o, n) => new Uint8Array(b, o, n),
  bool: (b, o, n) => new Uint8Array(b, o, n),
  i16: (b, o, n) => new Int16Array(b, o, n),
  i32: (b, o, n) => new Int32Array(b, o, n),
  f32: (b, o, n) => new Float32Array(b, o, n),
};

const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const CANONICAL_NAN = 0x7fc00000;
const INFINITY_BITS = 0x7f800000;
const MAGNITUDE = 0x7fffffff;

/** Gives every NaN the same bits (NUMERICS, F4). */
const canonicalize = (data: Float32Array): void => {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  // by index: an iterator of pairs takes thirteen times as long
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & MAGNITUDE) > INFINITY_BITS) bits[i] = CANONICAL_NAN;
};

/** A program in its memory, ready to run. It belongs to one caller at a time. */
export class Instance {
  readonly info: ProgramInfo;
  readonly memory: Memory;
  private readonly exports: Exports;
  private readonly runAll: () => unknown;

  /** @param memory - of `info.pages` pages; the image is in it, or comes before the first run */
  constructor(info: ProgramInfo, module: Module, memory: Memory) {
    this.info = info;
    this.memory = memory;
    this.exports = instantiate(module, memory);
    this.runAll = this.call('run');
  }

  /** An exported function. */
  call(name: string): (...args: readonly number[]) => unknown {
    const found = this.exports.get(name);
    if (found === undefined) throw new TypeError(`the module exports no ${name}`);
    return found;
  }

  /** The bytes that no run changes. */
  image(): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.info.image.address, this.info.image.bytes);
  }

  private word(name: ControlWord): number {
    return ((this.info.control ?? 0) + CONTROL[name]) / 4;
  }

  /** A word of the control block. */
  control(name: ControlWord): number {
    return this.info.control === undefined ? 0 : Atomics.load(new Int32Array(this.memory.buffer), this.word(name));
  }

  setControl(name: ControlWord, value: number): void {
    if (this.info.control === undefined) return;
    const words = new Int32Array(this.memory.buffer);
    Atomics.store(words, this.word(name), value);
    Atomics.notify(words, this.word(name));
  }

  /** Threads that sleep wake up while the inputs are written, so that the first step that is shared finds them looking. */
  private wake(): void {
    if (this.control('idle') > 0) Atomics.notify(new Int32Array(this.memory.buffer), this.word('work'));
  }

  writeInputs(inputs: readonly Tensor[]): void {
    this.wake();
    this.info.inputs.forEach(({ address }, i) => {
      const data = inputs[i]?.data;
      if (data === undefined) return;
      new Uint8Array(this.memory.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), address);
    });
  }

  /** All steps, with as many threads as have come. @returns false when a thread was lost: the memory is not to be used again */
  run(): boolean {
    return this.runAll() !== 1;
  }

  /** One step, on the caller's thread alone. */
  step(index: number): void {
    this.call(`run${index}`)(0, 1);
  }

  private view({ dtype, shape, address }: Port): Tensor {
    return { dtype, shape, data: VIEWS[dtype](this.memory.buffer, address, elements(shape)) };
  }

  /** Outputs as they lie in memory until the next run; one that is an input is that tensor. */
  views(inputs: readonly Tensor[]): readonly Tensor[] {
    return this.info.outputs.map((port) => passed(port, inputs) ?? this.view(port));
  }

  /** Outputs that no later run changes, every NaN canonical: no op tells one NaN from another, so that what leaves is enough. */
  results(inputs: readonly Tensor[]): readonly Tensor[] {
    return this.info.outputs.map((port) => {
      const given = passed(port, inputs);
      if (given !== undefined) return given;
      const view = this.view(port);
      const data = view.data.slice();
      if (data instanceof Float32Array) canonicalize(data);
      return { ...view, data };
    });
  }
}

/** The input that an output is, as in the reference. */
const passed = ({ input }: OutputPort, inputs: readonly Tensor[]): Tensor | undefined => (input === undefined ? undefined : inputs[input]);
