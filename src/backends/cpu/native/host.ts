import type { DType, Tensor } from '../../../ir/index.ts';
import { at, type Code, type Diagnostic, diagnostic, fail, fromHex, invariant, MrlError, ok, type Result } from '../../../support/index.ts';
import { blankTensor, bytesOf, isDType, misfits } from '../port-tensors.ts';
import { bindLibrary, type Koffi, type LibraryFunctions, loadKoffi, type Pointer } from './host-koffi.ts';

/** An input or output of a compiled program. */
export interface NativePort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The input that the output is, passed through untouched; undefined when it is computed. */
  readonly passes: number | undefined;
}

export interface NativeStep {
  readonly place: string;
  readonly op: string;
  readonly parallel: boolean;
  readonly macs: number;
}

/** A compiled program in this process. Not re-entrant. */
export interface NativeProgram {
  readonly level: string;
  /** Threads in use, this one included. */
  readonly threads: number;
  readonly memoryBytes: number;
  readonly parameterBytes: number;
  readonly inputs: readonly NativePort[];
  readonly outputs: readonly NativePort[];
  readonly steps: readonly NativeStep[];
  /**
   * Runs synchronously; the results belong to the caller.
   * @throws {MrlError} IR0010 when the tensors do not fit, INT0001 after `close`
   */
  run(inputs: readonly Tensor[]): readonly Tensor[];
  /** The same into the same tensors every time: they hold until the next run. */
  look(inputs: readonly Tensor[]): readonly Tensor[];
  /** One run; milliseconds of each step. */
  profile(inputs: readonly Tensor[]): readonly number[];
  /** Ends its threads and gives its memory back. Happens by itself when nothing refers to the program. */
  close(): void;
}

export interface OpenOptions {
  /** 1 when absent. */
  readonly threads?: number;
  /** Instruction set among those of the library; absent: the best. */
  readonly level?: string;
  /** For tests: something else than the installed koffi. */
  readonly koffi?: Koffi;
}

/** cx_status of cx_runtime.h. */
const CODE_OF_STATUS: ReadonlyMap<number, Code> = new Map<number, Code>([
  [1, 'NAT0004'],
  [2, 'NAT0005'],
  [3, 'NAT0009'],
  [4, 'NAT0009'],
  [5, 'NAT0010'],
  [6, 'NAT0010'],
]);
const MESSAGE_BYTES = 4096;

const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

const refusal = (status: number, message: string, where: string): Diagnostic =>
  diagnostic(CODE_OF_STATUS.get(status) ?? 'INT0001', message === '' ? `cx_open gives status ${status}` : message, {
    where,
    notes: ['The wasm backend gives the same bytes.'],
  });

interface Facts {
  level: string;
  threads: number;
  memoryBytes: number;
  parameterBytes: number;
  readonly inputs: NativePort[];
  readonly outputs: NativePort[];
  readonly steps: NativeStep[];
}

const nameOf = (word: string): string => new TextDecoder().decode(fromHex(word.slice(1)));

const portOf = (words: readonly string[]): NativePort => {
  const [, name = 'x', dtypeName = '', , passes = '0', ...dims] = words;
  invariant(isDType(dtypeName), `the library has a port of type ${dtypeName}`);
  return { name: nameOf(name), dtype: dtypeName, shape: dims.map(Number), passes: passes === '0' ? undefined : Number(passes) - 1 };
};

/** Reads what cx_describe writes; lines of other kinds belong to later versions. */
const factsOf = (text: string): Facts => {
  const facts: Facts = { level: '', threads: 1, memoryBytes: 0, parameterBytes: 0, inputs: [], outputs: [], steps: [] };
  for (const line of text.split('\n')) {
    const words = line.split(' ');
    const [kind, first = ''] = words;
    if (kind === 'level') facts.level = first;
    else if (kind === 'threads') facts.threads = Number(first);
    else if (kind === 'memory') facts.memoryBytes = Number(first);
    else if (kind === 'parameters') facts.parameterBytes = Number(first);
    else if (kind === 'input') facts.inputs.push(portOf(words));
    else if (kind === 'output') facts.outputs.push(portOf(words));
    else if (kind === 'step') {
      const [, parallel, macs, op = 'x', place = 'x'] = words;
      facts.steps.push({ place: nameOf(place), op: nameOf(op), parallel: parallel === '1', macs: Number(macs) });
    }
  }
  return facts;
};

const describe = (functions: LibraryFunctions, instance: Pointer): Facts => {
  const text = new Uint8Array(functions.describe(instance, null, 0));
  functions.describe(instance, text, text.length);
  return factsOf(textOf(text));
};

/** Programs that nothing refers to any more. */
const abandoned = new FinalizationRegistry<{ readonly functions: LibraryFunctions; readonly instance: Pointer }>(
  ({ functions, instance }) => functions.close(instance),
);

class OpenedProgram implements NativeProgram {
  readonly level: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly parameterBytes: number;
  readonly inputs: readonly NativePort[];
  readonly outputs: readonly NativePort[];
  readonly steps: readonly NativeStep[];
  private readonly functions: LibraryFunctions;
  private instance: Pointer | undefined;
  /** What `look` fills. */
  private held: readonly Tensor[] | undefined;

  constructor(functions: LibraryFunctions, instance: Pointer) {
    this.functions = functions;
    this.instance = instance;
    const facts = describe(functions, instance);
    this.level = facts.level;
    this.threads = facts.threads;
    this.memoryBytes = facts.memoryBytes;
    this.parameterBytes = facts.parameterBytes;
    this.inputs = facts.inputs;
    this.outputs = facts.outputs;
    this.steps = facts.steps;
    abandoned.register(this, { functions, instance }, this);
  }

  private fill(inputs: readonly Tensor[]): Pointer {
    const { instance } = this;
    invariant(instance !== undefined, 'a native program runs after it was closed');
    const problems = misfits(this.inputs, inputs);
    if (problems.length > 0) throw new MrlError(problems);
    inputs.forEach((tensor, i) => {
      const bytes = bytesOf(tensor);
      this.check(this.functions.writeInput(instance, i, bytes, bytes.length), 'cx_write_input');
    });
    return instance;
  }

  private check(status: number, what: string): void {
    invariant(status === 0, `${what} gives status ${status}`);
  }

  private read(instance: Pointer, inputs: readonly Tensor[], results: readonly Tensor[]): readonly Tensor[] {
    return results.map((result, i) => {
      const { passes } = at(this.outputs, i);
      if (passes !== undefined) return at(inputs, passes);
      const bytes = bytesOf(result);
      this.check(this.functions.readOutput(instance, i, bytes, bytes.length), 'cx_read_output');
      return result;
    });
  }

  private runInto(inputs: readonly Tensor[], results: readonly Tensor[]): readonly Tensor[] {
    const instance = this.fill(inputs);
    this.check(this.functions.run(instance), 'cx_run');
    return this.read(instance, inputs, results);
  }

  run(inputs: readonly Tensor[]): readonly Tensor[] {
    return this.runInto(inputs, this.outputs.map(blankTensor));
  }

  look(inputs: readonly Tensor[]): readonly Tensor[] {
    return this.runInto(inputs, (this.held ??= this.outputs.map(blankTensor)));
  }

  profile(inputs: readonly Tensor[]): readonly number[] {
    const instance = this.fill(inputs);
    const nanoseconds = new BigUint64Array(this.steps.length);
    this.check(this.functions.profile(instance, nanoseconds, nanoseconds.length), 'cx_profile');
    return Array.from(nanoseconds, (ns) => Number(ns) / 1e6);
  }

  close(): void {
    if (this.instance === undefined) return;
    abandoned.unregister(this);
    this.functions.close(this.instance);
    this.instance = undefined;
  }
}

/**
 * Opens a library with its parameter file. Errors: NAT0003 without koffi, NAT0004 when it does not load, NAT0005 for the
 * level, NAT0009 for the parameter file, NAT0010 for memory and threads.
 */
export const openLibrary = (path: string, parameters: string | undefined, options: OpenOptions = {}): Result<NativeProgram> => {
  const koffi = options.koffi === undefined ? loadKoffi() : ok(options.koffi);
  if (!koffi.ok) return koffi;
  const functions = bindLibrary(koffi.value, path);
  if (!functions.ok) return functions;
  const result = new BigUint64Array(1);
  const message = new Uint8Array(MESSAGE_BYTES);
  const { threads = 1, level } = options;
  const status = functions.value.open(parameters ?? null, level ?? null, threads, result, message, message.length);
  if (status !== 0) return fail(refusal(status, textOf(message), path));
  return ok(new OpenedProgram(functions.value, at(Array.from(result), 0)));
};
