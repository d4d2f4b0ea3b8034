import { formatType, Philox, type Program, quantizeCodes, randomTensor, type StaticType, type Tensor, typeOf } from '../../ir/index.ts';
import { quantizeTensor } from '../../passes/index.ts';
import { at, closest, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { inputsMismatch, sampleMisfit } from '../diagnostics.ts';
import { isFolder, listFolder } from '../files.ts';
import type { Quantization } from './execute.ts';
import { type NamedTensor, type PreparationOptions, type readArrays, splitSamples, toFloat, toInteger } from './samples.ts';

/** What the command line says about the inputs of a run. */
export interface InputRequest {
  /** Files in the order of the inputs. */
  readonly files: readonly string[];
  /** NAME=FILE. */
  readonly named: readonly string[];
  /** Seed of random inputs, when no file is given. */
  readonly randomSeed?: number | undefined;
}

/** An input of a program; its dimensions are numbers. */
export interface InputPort {
  readonly name: string;
  readonly type: StaticType;
}

/** The inputs of a program whose dimensions are numbers. */
export const inputPorts = (program: Program): readonly InputPort[] =>
  program.inputs.map(({ name, value }) => ({ name, type: typeOf(program, value) as StaticType }));

/** What is known about one input besides its type. */
export interface InputTraits {
  readonly quantization?: Quantization | undefined;
  readonly preparation: PreparationOptions;
}

const describeInputs = (ports: readonly InputPort[]): string =>
  ports.map((p) => `${p.name}: ${formatType(p.type)}`).join(', ') || 'no input';

/**
 * Brings an array to the type of an input. An array of the input's own dtype is taken as it is. Other arrays are real
 * numbers: converted to float32, and quantized when the input is quantized (op `quantize`; for i16 its formula, saturated there).
 */
export const toInput = (tensor: Tensor, type: StaticType, quantization: Quantization | undefined, path: string): Result<Tensor> => {
  if (tensor.dtype === type.dtype) return ok(tensor);
  if (type.dtype === 'f32') return ok(toFloat(tensor));
  if (type.dtype === 'i16' && quantization !== undefined) return ok(quantizeTensor(toFloat(tensor), { ...quantization, dtype: 'i16' }));
  const shift = type.dtype === 'i8' ? 0 : type.dtype === 'u8' ? 128 : undefined;
  if (quantization === undefined || shift === undefined) {
    if (tensor.dtype !== 'f32' || tensor.data.every((v) => Number.isInteger(v))) return toInteger(tensor, type, path);
    return fail(
      sampleMisfit(path, `the array holds real numbers, but the input is ${formatType(type)} and its scale is not known`, [
        `Quantize it first, and save it as ${type.dtype}.`,
      ]),
    );
  }
  const real = toFloat(tensor);
  const data = new Int8Array(real.data.length);
  quantizeCodes(real.data, Math.fround(1 / quantization.scale), quantization.zero - shift, data);
  // uint8 has the grid of int8, 128 higher
  if (shift === 0) return ok({ dtype: 'i8', shape: real.shape, data });
  return ok({ dtype: 'u8', shape: real.shape, data: Uint8Array.from(data, (v) => v + shift) });
};

/** NAME=FILE and files in order -> file of each input. */
const assignFiles = (ports: readonly InputPort[], request: InputRequest): Result<ReadonlyMap<string, readonly string[]>> => {
  const names = ports.map((p) => p.name);
  const problems: Diagnostic[] = [];
  const files = new Map<string, readonly string[]>();
  for (const word of request.named) {
    // Input names may hold "=": the longest name that fits is meant.
    const name = names.filter((n) => word.startsWith(`${n}=`)).sort((a, b) => b.length - a.length)[0];
    if (name === undefined) {
      const given = word.split('=')[0] ?? word;
      const near = closest(given, names);
      problems.push(
        inputsMismatch(
          `--input ${word}: there is no input ${given}${near === undefined ? '' : `; did you mean ${near}?`}`,
          describeInputs(ports),
        ),
      );
    } else {
      files.set(name, [...(files.get(name) ?? []), word.slice(name.length + 1)]);
    }
  }
  const open = names.filter((n) => !files.has(n));
  const [only] = open;
  if (open.length === 1 && only !== undefined && request.files.length > 0) files.set(only, request.files);
  else if (request.files.length > open.length) {
    problems.push(inputsMismatch(`${request.files.length} files are given for ${open.length} inputs`, describeInputs(ports)));
  } else {
    request.files.forEach((file, i) => files.set(at(open, i), [file]));
  }
  return problems.length > 0 ? fail(...problems) : ok(files);
};

const expandFolders = (context: Context, paths: readonly string[]): Result<readonly string[]> => {
  const files: string[] = [];
  for (const path of paths) {
    if (!isFolder(context.io.cwd, path)) files.push(path);
    else {
      const listed = listFolder(context.io.cwd, path, ['.npy', '.png', '.jpg', '.jpeg', '.bmp']);
      if (!listed.ok) return listed;
      files.push(...listed.value);
    }
  }
  return ok(files);
};

/** The arrays of a .npz that holds all inputs by name. */
const archiveInputs = (arrays: readonly NamedTensor[], ports: readonly InputPort[]): ReadonlyMap<string, Tensor> | undefined =>
  ports.every((p) => arrays.some((a) => a.name === p.name)) ? new Map(arrays.map((a) => [a.name, a.tensor])) : undefined;

interface Source {
  readonly path: string;
  readonly tensor: Tensor;
}

/** Reads the arrays of a file for an input: `readArrays`, or less where less has to be loaded. */
export type ReadArrays = typeof readArrays;

/** Whose samples are wanted, and how their files are read. */
export interface InputReader {
  readonly context: Context;
  readonly ports: readonly InputPort[];
  readonly traits: readonly InputTraits[];
  readonly read: ReadArrays;
  /** Filled. */
  readonly warnings: Diagnostic[];
}

const readSources = (
  { context, ports, traits, read, warnings }: InputReader,
  request: InputRequest,
): Result<readonly (readonly Source[])[]> => {
  const files = assignFiles(ports, request);
  if (!files.ok) return files;
  const problems: Diagnostic[] = [];
  const byName = new Map<string, Source[]>();
  for (const [i, port] of ports.entries()) {
    const paths = expandFolders(context, files.value.get(port.name) ?? []);
    if (!paths.ok) {
      problems.push(...paths.diagnostics);
      continue;
    }
    for (const path of paths.value) {
      const arrays = read(context, path, port.type, at(traits, i).preparation, warnings);
      if (!arrays.ok) {
        problems.push(...arrays.diagnostics);
        continue;
      }
      const all = archiveInputs(arrays.value, ports);
      const found = all ?? new Map(arrays.value.map((a) => [port.name, a.tensor]));
      for (const [name, tensor] of found) byName.set(name, [...(byName.get(name) ?? []), { path, tensor }]);
    }
  }
  const missing = ports.filter((p) => !byName.has(p.name));
  if (problems.length === 0 && missing.length > 0) {
    problems.push(inputsMismatch(`no file is given for ${missing.map((p) => p.name).join(', ')}`, describeInputs(ports)));
  }
  return problems.length > 0 ? fail(...problems) : ok(ports.map((p) => byName.get(p.name) ?? []));
};

/** One sample, and the file that it comes from (with its place there when the file has several). */
interface NamedSample {
  readonly name: string;
  readonly tensor: Tensor;
}

const samplesOf = (
  { name, type }: InputPort,
  sources: readonly Source[],
  { quantization }: InputTraits,
): Result<readonly NamedSample[]> => {
  const samples: NamedSample[] = [];
  const problems: Diagnostic[] = [];
  for (const { path, tensor } of sources) {
    const split = splitSamples(tensor, type.shape, path);
    const ready = split.ok ? split.value.map((s) => toInput(s, type, quantization, `${path}, input ${name}`)) : [split];
    for (const [i, r] of ready.entries()) {
      if (r.ok) samples.push({ name: ready.length === 1 ? path : `${path}[${i}]`, tensor: r.value });
      else if (!problems.some((p) => p.where === r.diagnostics[0]?.where)) problems.push(...r.diagnostics);
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(samples);
};

/** Seeded inputs: real numbers in [-1, 1), integers over their whole range. */
export const randomInputs = (program: Program, seed: number): readonly Tensor[] => randomTensors(inputPorts(program), seed);

const randomTensors = (ports: readonly InputPort[], seed: number): readonly Tensor[] =>
  ports.map(({ type }, i) => {
    const random = new Philox(seed, i);
    return type.dtype === 'f32' ? randomTensor(type, random, -1, 1) : randomTensor(type, random);
  });

/** The inputs of one run. */
export interface RunInputs {
  /** Where they come from. */
  readonly name: string;
  readonly tensors: readonly Tensor[];
}

/**
 * The input tensors of one or more runs: files may hold several samples along their first axis, the same number for
 * each input. Errors: CLI2010, CLI2011 and those of the files.
 */
export const resolveInputs = (reader: InputReader, request: InputRequest): Result<readonly RunInputs[]> => {
  const { randomSeed } = request;
  const { ports, traits } = reader;
  if (randomSeed !== undefined) return ok([{ name: `random, seed ${randomSeed}`, tensors: randomTensors(ports, randomSeed) }]);
  const sources = readSources(reader, request);
  if (!sources.ok) return sources;
  const problems: Diagnostic[] = [];
  const perInput = ports.map((port, i) => {
    const samples = samplesOf(port, at(sources.value, i), at(traits, i));
    if (!samples.ok) problems.push(...samples.diagnostics);
    return samples.ok ? samples.value : [];
  });
  if (problems.length > 0) return fail(...problems);
  const counts = perInput.map((s) => s.length);
  if (new Set(counts).size > 1) {
    return fail(inputsMismatch(`the inputs have ${counts.join(', ')} samples, but each needs the same number`, describeInputs(ports)));
  }
  return ok(
    Array.from({ length: counts[0] ?? 1 }, (_, k) => ({
      name: perInput[0]?.[k]?.name ?? 'no input',
      tensors: perInput.map((s) => at(s, k).tensor),
    })),
  );
};
