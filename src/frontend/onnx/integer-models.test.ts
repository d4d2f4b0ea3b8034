import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { DTYPE_INFO, elementCount, runProgram, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { quantizeProgram } from '../../passes/index.ts';
import { decodeNpz } from '../tensors/index.ts';
import { importOnnx, type OnnxImport } from './index.ts';

jest.setTimeout(300_000);

/** Integer networks of others, with exact outputs: not part of the repository. */
const ROOT = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
const DATA = join(ROOT, 'onnx-int-deeploy');
const present = existsSync(DATA);
if (!present) console.warn(`Integer ONNX models are skipped: ${DATA} does not exist (set CORTEXC_DATA)`);

const casesBelow = (dir: string): readonly string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? casesBelow(join(dir, e.name)) : e.name === 'network.onnx' ? [relative(DATA, dir)] : [],
  );

const arrays = (name: string, file: string) => [...unwrap(decodeNpz(new Uint8Array(readFileSync(join(DATA, name, file))))).values()];

/** Graph inputs that are weights are listed too, in the order of the graph: those of the program are found by size from the front. */
const inputsOf = (name: string, { inputs }: OnnxImport): readonly Tensor[] => {
  const given = arrays(name, 'inputs.npz');
  let next = 0;
  return inputs.map(({ type }) => {
    const shape = type.shape.map(Number);
    while (next < given.length - 1 && given[next]?.data.length !== elementCount(shape)) next++;
    const data = DTYPE_INFO[type.dtype].make(elementCount(shape));
    data.set(Array.from(at(given, next++).data, Number));
    return { dtype: type.dtype, shape, data };
  });
};

/** Infinite where the numbers of elements differ. */
const largestDifference = (got: readonly Tensor[], wanted: readonly (readonly number[])[]): number =>
  Math.max(
    ...wanted.flatMap((w, k) =>
      got[k]?.data.length === w.length ? w.map((v, i) => Math.abs((got[k]?.data[i] ?? Number.NaN) - v)) : Number.POSITIVE_INFINITY,
    ),
  );

/** What is not equal, and why. All other cases are. */
const OTHERWISE: Readonly<Record<string, string>> = {
  // ONNX's mean of floats; the stored one is an integer
  'Kernels/Integer/ReduceMean': 'differs by up to 0.5',
  // float networks
  'Models/Autoencoder1D': 'differs by up to 5.960464477539063e-8',
  'Models/TinyViT/Demo': 'differs by up to 4.3655745685100555e-11',
  // graphs whose declared output type is not the computed one
  'Kernels/Integer/Conv/Regular_2D_RQ': 'it is declared int32 but the graph computes float',
  'Kernels/Integer/GEMM/Regular_RQPerRow': 'it is declared int32 but the graph computes float',
  'Kernels/Integer/GEMM/TransB_RQ': 'it is declared int32 but the graph computes float',
  // operators of one tool without a published definition
  'Kernels/Integer/Hardswish/Regular': 'operator iHardswish',
  'Kernels/Integer/Hardswish/Regular_RQ': 'operator iHardswish',
  'Kernels/Integer/RMSNorm': 'operator iRMSNorm',
  'Kernels/Integer/Softmax/Large': 'operator iSoftmax',
  'Kernels/Integer/Softmax/Regular': 'operator iSoftmax',
  'Kernels/Integer/TrueIntegerDiv': 'operator TrueIntegerDiv',
  'Kernels/Integer/iNoNorm': 'operator iNoNorm',
  'Models/CCT/Int/ICCT': 'operator iLayerNorm; operator ITAMax; operator iGELU; operator IntegerMean',
};

(present ? describe : describe.skip)('integer networks with exact outputs', () => {
  const names = present ? casesBelow(DATA).filter((name) => !name.includes('FP32')) : [];

  test('each gives its stored integers, on both backends, or is refused by name', async () => {
    const wasm = unwrap(await loadBackend('wasm'));
    const outcome: Record<string, string> = {};
    for (const name of names) {
      const model = importOnnx(new Uint8Array(readFileSync(join(DATA, name, 'network.onnx'))));
      if (!model.ok) {
        outcome[name] = [...new Set(model.diagnostics.map((d) => d.message.replace(/ \(.*/, '')))].join('; ');
        continue;
      }
      const inputs = inputsOf(name, model.value);
      const wanted = arrays(name, 'outputs.npz').map((a) => Array.from(a.data, Number));
      const got = unwrap(wasm.compile(model.value.program)).run(inputs);
      const difference = largestDifference(got, wanted);
      if (elementCount(at(inputs, 0).shape) < 4096) expect(runProgram(model.value.program, inputs)).toEqual(got);
      outcome[name] = difference === 0 ? 'equal' : `differs by up to ${difference}`;
    }
    const equal = Object.keys(outcome).filter((name) => outcome[name] === 'equal');
    expect(Object.fromEntries(Object.entries(outcome).filter(([name]) => !equal.includes(name)))).toEqual(OTHERWISE);
    expect(equal.length).toBe(32);
  });
});

const QONNX = join(ROOT, 'onnx-quant');
const DIGITS = join(ROOT, 'datasets/mnist');
const digits = existsSync(QONNX) && existsSync(DIGITS);
if (!digits) console.warn(`QONNX models are skipped: ${QONNX} or ${DIGITS} does not exist (set CORTEXC_DATA)`);

/** Published for all 10,000 digits: 93.17 and 96.60 %. Here: 90.7 and 95.4 % of the first 5,000, 95.2 and 97.4 % of the next 2,000. */
(digits ? describe : describe.skip)('QONNX networks', () => {
  const read = (name: string, header: number) => gunzipSync(readFileSync(join(DIGITS, name))).subarray(header);
  test.each([
    ['TFC_1W1A', 91.9],
    ['TFC_2W2A', 95.9],
  ])('%s recognizes the first 7,000 digits', async (name, least) => {
    const wasm = unwrap(await loadBackend('wasm'));
    const { program } = unwrap(importOnnx(new Uint8Array(readFileSync(join(QONNX, `${name}.onnx`)))));
    const executable = unwrap(wasm.compile(program));
    const images = read('t10k-images-0-7000-idx3-ubyte.gz', 16);
    const labels = read('t10k-labels-0-7000-idx1-ubyte.gz', 8);
    let right = 0;
    labels.forEach((label, i) => {
      const data = Float32Array.from(images.subarray(784 * i, 784 * (i + 1)), (v) => v / 255);
      const scores = Array.from(at(executable.run([{ dtype: 'f32', shape: [1, 1, 28, 28], data }]), 0).data);
      if (scores.indexOf(Math.max(...scores)) === label) right++;
    });
    expect((100 * right) / labels.length).toBeGreaterThan(least);
  });

  /** Weights of 2, 3 and 6 bits are i6; two matrices of the jet tagger use -32, which i6 does not have. */
  test.each([
    ['TFC_1W1A', ['i6', 'i6', 'i6', 'i6']],
    ['TFC_2W2A', ['i6', 'i6', 'i6', 'i6']],
    ['kwsmlp_w3a3', ['i6', 'i6', 'i6', 'i6']],
    ['qkeras_jettagging', ['i8', 'i6', 'i6', 'i8']],
    ['unsw_nb15-mlp-w2a2', ['i6', 'i6', 'i6', 'i6']],
  ])('%s made integer keeps its stored weights', (name, dtypes) => {
    const { program } = unwrap(importOnnx(new Uint8Array(readFileSync(join(QONNX, `${name}.onnx`)))));
    const types = program.inputs.map((p) => at(program.types, p.value));
    const samples = Array.from({ length: 4 }, (_, k) =>
      types.map(({ dtype, shape }) => {
        const sizes = shape.map(Number);
        const data = Float32Array.from({ length: elementCount(sizes) }, (_v, i) => ((i * 7919 + k * 31) % 1009) / 1008);
        return { dtype, shape: sizes, data };
      }),
    );
    const quantized = unwrap(quantizeProgram(program, { samples }));
    const weights = quantized.program.nodes.flatMap((n) => (n.op === 'dense' ? [quantized.program.types[at(n.operands, 1)]?.dtype] : []));
    expect(weights).toEqual(dtypes);
    expect(quantized.given?.layers.map((l) => [l.reason, l.clamped])).toEqual(dtypes.map(() => [undefined, 0]));
  });

  test('all are imported', () => {
    const files = readdirSync(QONNX, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.onnx'));
    for (const f of files) expect([f, importOnnx(new Uint8Array(readFileSync(join(QONNX, f)))).ok]).toEqual([f, true]);
    expect(files.length).toBe(7);
  });
});
