import { join } from 'node:path';
import { fastestCompile } from '../../src/cli/index.ts';
import {
  decodeChunk,
  decodePackage,
  encodePackage,
  encodeParameter,
  type MetadataInput,
  type Package,
  rewritePackage,
} from '../../src/cvm-bytecode/index.ts';
import { Philox, type Program, randomTensor, type StaticType, typeOf } from '../../src/ir/index.ts';
import { type Compile, quantizeProgram, type QuantizedModel, shareWeights } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { importFloat, inputType, readBytes } from '../models.ts';
import { attempt, type Bench, median, type Suite, timed } from '../rows.ts';

/** Share of the float32 parameters that the stored ones may take. */
const GOAL = { 8: 0.25, 6: 0.17 } as const;
/** Decoded megabytes (10^6 bytes) a second, one core. */
const GOAL_SPEED = 200;
const MEGABYTE = 1e6;
const CHUNK = 1 << 20;
/** Chunks in one measurement. */
const BATCH = 4;
const ROUNDS = 41;
const WARM_UP = 25;

/** Trained models of the data folder with weights enough to tell something. */
const TRAINED = [
  'squeezenet1.1-fp16/SqueezeNet_fp16.onnx',
  'resnet20-cifar10/resnet20.onnx',
  'mnist-pytorch/tengine_mnist.onnx',
  'yunet/yunet_n_320_320.onnx',
  'mnist-cntk/model.onnx',
] as const;

const METADATA: MetadataInput = {
  name: 'bench',
  author: '',
  description: '',
  licence: '',
  version: '',
  source: { format: 'onnx', file: 'model.onnx', sha256: '0'.repeat(64), compilerVersion: '0' },
};

const floatBytes = (program: Program): number =>
  program.params.reduce((n, p) => n + (typeOf(program, p.value).dtype === 'f32' ? p.tensor.data.byteLength : 0), 0);

/** Weights do not depend on the samples, but for the rounding of INT6 a little. */
const quantized = (program: Program, bits: 6 | 8, compile: Compile): QuantizedModel => {
  const type = inputType(program);
  const samples = [1, 2].map((seed) => [randomTensor(type, new Philox(seed), 0, 1)]);
  return unwrap(quantizeProgram(program, { samples, compile, bits }));
};

const storedBytes = ({ storage }: Package): number => storage.parameters.reduce((n, p) => n + p.storedBytes, 0);
const decodedBytes = ({ storage }: Package): number => storage.parameters.reduce((n, p) => n + p.decodedBytes, 0);

/** Writes both forms, checks that they are one package, and that each turns into the other. */
const bothForms = (program: Program): { readonly compressed: Package; readonly same: boolean } => {
  const plain = unwrap(encodePackage({ program, metadata: METADATA }));
  const file = unwrap(rewritePackage(plain, { storage: 'compressed' }));
  const compressed = unwrap(decodePackage(file));
  const back = unwrap(rewritePackage(file, {}));
  const same = compressed.cid === unwrap(decodePackage(plain)).cid && back.length === plain.length && back.every((v, i) => v === plain[i]);
  return { compressed, same };
};

const sizeRows = (bench: Bench, name: string, program: Program, compile: Compile): void => {
  const whole = floatBytes(program);
  for (const bits of [8, 6] as const) {
    const { compressed, same } = bothForms(quantized(program, bits, compile).program);
    const ratio = storedBytes(compressed) / whole;
    bench.row({
      name: `${name}: INT${bits} parameters, entropy-coded`,
      value: ratio,
      unit: 'x float32',
      peer: `plain ${(decodedBytes(compressed) / whole).toFixed(3)} of ${whole} bytes`,
      goal: `<= ${GOAL[bits]}`,
      met: ratio <= GOAL[bits],
    });
    bench.row({
      name: `${name}: INT${bits} plain and compressed`,
      value: same ? 'one CID' : 'differ',
      unit: '',
      goal: 'one CID',
      met: same,
    });
  }
};

const sharingRows = (bench: Bench, name: string, program: Program, compile: Compile): void => {
  const model = quantized(program, 8, compile);
  for (const bits of [5, 4, 3] as const) {
    const shared = unwrap(shareWeights(model, bits));
    const { compressed } = bothForms(shared.model.program);
    const weights = shared.layers.reduce((n, l) => n + l.weights, 0);
    const change = shared.layers.reduce((n, l) => n + l.weights * l.meanSquaredChange, 0) / Math.max(1, weights);
    bench.row({
      name: `${name}: weights shared to ${bits} bits`,
      value: storedBytes(compressed) / floatBytes(program),
      unit: 'x float32',
      peer: `mean squared change ${change.toFixed(1)} steps^2`,
    });
  }
};

/** Bytes of the weights of a model, over and over, until a chunk is full. */
const chunkOf = (tensors: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(CHUNK);
  for (let offset = 0, i = 0; offset < CHUNK; i++) {
    const next = at(tensors, i % tensors.length).subarray(0, CHUNK - offset);
    out.set(next, offset);
    offset += next.length;
  }
  return out;
};

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Milliseconds of processor time that an action takes, and of the clock: others may use the machine. */
const processorTime = (action: () => void): readonly [number, number] => {
  const before = process.cpuUsage();
  const [, wall] = timed(action);
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1000, wall];
};

/** Median speed of decoding one chunk of 1 MiB by processor time, after a warm-up; this one thread and what the engine does beside it. */
const speedRow = (bench: Bench, name: string, type: StaticType, stored: Uint8Array, goal: boolean): void => {
  const { encoding, blocks } = encodeParameter(type, stored);
  const block = at(blocks, 0);
  const decode = (): void => {
    for (let i = 0; i < BATCH; i++) decodeChunk(type, encoding, block, 0, { what: name, offset: 0 });
  };
  for (let i = 0; i < WARM_UP; i++) decode();
  const times = Array.from({ length: ROUNDS }, () => processorTime(decode));
  const speedOf = (ms: number): number => (BATCH * stored.length) / MEGABYTE / (ms / 1000);
  const speed = speedOf(median(times.map(([cpu]) => cpu)));
  const wall = times.map(([, ms]) => ms);
  bench.row({
    name: `${name}: decoding (${encoding})`,
    value: speed,
    unit: 'MB/s of processor time',
    peer: `by the clock ${speedOf(median(wall)).toFixed(0)}, best ${speedOf(Math.min(...wall)).toFixed(0)}; ratio ${(block.length / stored.length).toFixed(3)}`,
    ...(goal ? { goal: `>= ${GOAL_SPEED}`, met: speed >= GOAL_SPEED } : {}),
  });
};

const speedRows = (bench: Bench, program: Program, compile: Compile): void => {
  const weights = (model: QuantizedModel, dtype: 'i8' | 'i6'): readonly Uint8Array[] =>
    model.program.params.filter((p) => typeOf(model.program, p.value).dtype === dtype).map((p) => bytesOf(p.tensor.data));
  const int8 = chunkOf(weights(quantized(program, 8, compile), 'i8'));
  const rows = 1024;
  speedRow(bench, 'INT8 weights', { dtype: 'i8', shape: [rows, CHUNK / rows] }, int8, true);
  const codes = chunkOf(weights(quantized(program, 6, compile), 'i6'));
  const packed = new Uint8Array((CHUNK / 4) * 3);
  for (let i = 0, o = 0; i < CHUNK; i += 4) {
    const word = [0, 1, 2, 3].reduce((w, k) => w | (((codes[i + k] ?? 0) & 63) << (6 * k)), 0);
    packed[o++] = word;
    packed[o++] = word >> 8;
    packed[o++] = word >> 16;
  }
  speedRow(bench, 'INT6 weights, packed', { dtype: 'i6', shape: [rows, CHUNK / rows] }, packed, true);
  // the least 9 of 10 weights cut to 0, as pruning leaves a layer
  const limit = int8.map((v) => Math.abs((v << 24) >> 24)).sort()[Math.floor(0.9 * CHUNK)] ?? 127;
  const pruned = int8.map((v) => (Math.abs((v << 24) >> 24) >= limit ? v : 0));
  speedRow(bench, 'INT8 weights, 9 of 10 pruned', { dtype: 'i8', shape: [rows, CHUNK / rows] }, pruned, true);
  const floats = chunkOf(
    program.params.filter((p) => p.tensor.data instanceof Float32Array && p.tensor.data.length > 1000).map((p) => bytesOf(p.tensor.data)),
  );
  speedRow(bench, 'float32 parameters', { dtype: 'f32', shape: [rows, CHUNK / 4 / rows] }, floats, false);
};

const run = async (bench: Bench): Promise<void> => {
  const compile = await fastestCompile();
  const digits = importFloat(readBytes(join(ROOT, 'examples', 'digits', 'model.onnx')));
  await attempt(bench, 'digits', async () => {
    sizeRows(bench, 'digits', digits, compile);
    sharingRows(bench, 'digits', digits, compile);
    await Promise.resolve();
  });
  const { data } = bench;
  if (data === undefined) {
    bench.row({ name: 'trained models', unit: '', skipped: 'the data folder is not on this machine' });
    speedRows(bench, digits, compile);
    return;
  }
  for (const name of TRAINED) {
    await attempt(bench, name, async () => {
      sizeRows(bench, name, importFloat(readBytes(join(data, 'onnx-trained', name))), compile);
      await Promise.resolve();
    });
  }
  speedRows(bench, importFloat(readBytes(join(data, 'onnx-trained', TRAINED[0]))), compile);
};

export const storage: Suite = {
  name: 'storage',
  summary: 'compressed packages: size of the parameters against float32, decoding speed on one core',
  run,
};
