import { elementCount, runProgram, type Tensor, verifyProgram } from '../../../ir/index.ts';
import { fail } from '../../../support/index.ts';
import type { FilesBeside, ImportReport } from '../../contract.ts';
import { incomplete } from '../../import-problems.ts';
import { nnef } from '../index.ts';

export interface TestTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Numbers between lo and hi, the same everywhere. */
export const filled = (shape: readonly number[], seed: number, lo = -1, hi = 1): TestTensor => ({
  shape,
  data: Array.from({ length: elementCount(shape) }, (_, i) =>
    Math.fround(lo + ((hi - lo) * ((i * 7919 + seed * 104_729 + 31) % 1009)) / 1008),
  ),
});

/** A .dat file: item types are 0 float, 1 uint, 2 quantized uint, 3 quantized int, 4 int, 5 bool. */
export const tensorFile = (
  { shape, data }: TestTensor,
  type: 'float32' | 'float64' | 'int32' | 'qint8' | 'quint8' | 'bool1' = 'float32',
): Uint8Array => {
  const [code, bits] = { float32: [0, 32], float64: [0, 64], int32: [4, 32], qint8: [3, 8], quint8: [2, 8], bool1: [5, 1] }[type] as [
    number,
    number,
  ];
  const length = Math.ceil((data.length * bits) / 8);
  const bytes = new Uint8Array(128 + length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4e, 0xef, 1, 0]);
  view.setUint32(4, length, true);
  view.setUint32(8, shape.length, true);
  shape.forEach((d, i) => view.setUint32(12 + 4 * i, d, true));
  view.setUint32(44, bits, true);
  view.setUint32(48, code, true);
  data.forEach((v, i) => {
    if (type === 'float32') view.setFloat32(128 + 4 * i, v, true);
    else if (type === 'float64') view.setFloat64(128 + 8 * i, v, true);
    else if (type === 'int32') view.setInt32(128 + 4 * i, v, true);
    else if (type === 'bool1') bytes[128 + (i >> 3)] = (bytes[128 + (i >> 3)] ?? 0) | (v << (7 - (i & 7)));
    else view.setInt8(128 + i, v);
  });
  return bytes;
};

export const files = (named: Readonly<Record<string, Uint8Array>>): FilesBeside => ({
  has: (name) => Object.hasOwn(named, name),
  read: (name) => {
    const bytes = named[name];
    return bytes === undefined ? fail(incomplete(`there is no ${name}`)) : { ok: true, value: bytes };
  },
  list: () => Object.keys(named).sort(),
});

export interface TestGraph {
  /** Assignments; inputs x0, x1, … and variables are declared in front. */
  readonly body: string;
  readonly results: readonly string[];
  readonly inputs: readonly TestTensor[];
  readonly variables: Readonly<Record<string, TestTensor>>;
}

export const graphText = ({ body, results, inputs, variables }: TestGraph): string =>
  [
    'version 1.0;',
    'extension KHR_enable_operator_expressions;',
    `graph test( ${inputs.map((_, i) => `x${i}`).join(', ')} ) -> ( ${results.join(', ')} )`,
    '{',
    ...inputs.map((x, i) => `  x${i} = external<scalar>(shape = [${x.shape.join(', ')}]);`),
    ...Object.entries(variables).map(([name, v]) => `  ${name} = variable<scalar>(shape = [${v.shape.join(', ')}], label = '${name}');`),
    `  ${body}`,
    '}',
    '',
  ].join('\n');

export const dataFiles = ({ variables }: TestGraph): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries(Object.entries(variables).map(([name, v]) => [`${name}.dat`, tensorFile(v)]));

export interface ExamineOptions {
  readonly file?: string;
  readonly beside?: Readonly<Record<string, Uint8Array>>;
  readonly randomParams?: boolean;
}
export const examined = async (graph: string | Uint8Array, options: ExamineOptions = {}): Promise<ImportReport> =>
  await nnef.examine(typeof graph === 'string' ? new TextEncoder().encode(graph) : graph, {
    file: options.file ?? 'graph.nnef',
    beside: files(options.beside ?? {}),
    params: undefined,
    shapes: new Map(),
    randomParams: options.randomParams ?? false,
  });

export const codesOf = (report: ImportReport): readonly string[] => report.problems.map((d) => d.code);

/** Outputs of a report without problems. */
export const run = ({ program, problems }: ImportReport, inputs: readonly TestTensor[]): readonly Tensor[] => {
  if (problems.length > 0 || program === undefined) throw new TypeError(problems.map((d) => `${d.code} ${d.message}`).join('; '));
  if (!verifyProgram(program).ok) throw new TypeError('the program does not verify');
  return runProgram(
    program,
    inputs.map(({ shape, data }) => ({ dtype: 'f32', shape, data: Float32Array.from(data) })),
  );
};
