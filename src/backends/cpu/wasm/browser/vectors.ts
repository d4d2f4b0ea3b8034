import type { DType, Model, TensorData } from './api.ts';

/** A file of the elements of a tensor, little-endian, and their SHA-256: what `cortexc run` prints. */
export interface VectorFile {
  readonly file: string;
  readonly sha256: string;
}

/** A run whose results are known: from the reference interpreter, which is the definition. */
export interface Vector {
  readonly name: string;
  readonly inputs: readonly VectorFile[];
  readonly outputs: readonly VectorFile[];
}

/** How a vector went. */
export interface VectorResult {
  readonly name: string;
  readonly passed: boolean;
  readonly milliseconds: number;
  /** Expected SHA-256 of each output. */
  readonly digests: readonly string[];
  /** The first element of each output that differs. */
  readonly problems: readonly string[];
}

/** Reads a file of the folder. */
export type ReadFile = (name: string) => Promise<Uint8Array>;

/** The list of vectors, and its place in the folder. */
export const VECTORS = 'vectors/vectors.json';

const ELEMENTS: Readonly<Record<DType, (bytes: ArrayBuffer) => TensorData>> = {
  i8: (b) => new Int8Array(b),
  i6: (b) => new Int8Array(b),
  u8: (b) => new Uint8Array(b),
  bool: (b) => new Uint8Array(b),
  i16: (b) => new Int16Array(b),
  i32: (b) => new Int32Array(b),
  f32: (b) => new Float32Array(b),
};

const bytesOf = (data: TensorData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Where two lists of bytes differ, in elements of the output; undefined when they are the same. */
const differenceOf = (name: string, given: TensorData | undefined, expected: Uint8Array): string | undefined => {
  if (given === undefined) return `output ${name} is missing`;
  const bytes = bytesOf(given);
  if (bytes.length !== expected.length) return `output ${name} has ${bytes.length} bytes, but ${expected.length} are expected`;
  const at = bytes.findIndex((v, i) => v !== expected[i]);
  return at < 0
    ? undefined
    : `output ${name} differs at element ${Math.floor(at / given.BYTES_PER_ELEMENT)}, byte ${at}: ${bytes[at]}, not ${expected[at]}`;
};

const inputOf = async (dtype: DType, { file }: VectorFile, read: ReadFile): Promise<TensorData> =>
  ELEMENTS[dtype]((await read(file)).slice().buffer);

/** Runs the vectors of an emitted folder and compares every byte. */
export const checkVectors = async (
  model: Model,
  read: ReadFile,
  onResult: (result: VectorResult) => void = () => undefined,
): Promise<readonly VectorResult[]> => {
  const vectors = JSON.parse(new TextDecoder().decode(await read(VECTORS))) as readonly Vector[];
  const results: VectorResult[] = [];
  for (const { name, inputs, outputs } of vectors) {
    const given = await Promise.all(model.inputs.map(({ dtype }, i) => inputOf(dtype, inputs[i] ?? { file: '', sha256: '' }, read)));
    const expected = await Promise.all(outputs.map(({ file }) => read(file)));
    const started = performance.now();
    const found = model.run(given);
    const milliseconds = performance.now() - started;
    const problems = expected.flatMap((bytes, i) => differenceOf(model.outputs[i]?.name ?? String(i), found[i]?.data, bytes) ?? []);
    const result = { name, passed: problems.length === 0, milliseconds, digests: outputs.map((o) => o.sha256), problems };
    results.push(result);
    onResult(result);
  }
  return results;
};
