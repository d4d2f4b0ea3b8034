import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomSamples, tensorDigest } from '../../src/cli/index.ts';
import { decodePackage } from '../../src/cvm-bytecode/index.ts';
import { elementCount, type StaticType, type Tensor } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { runJson } from '../data.ts';
import { executableOn, importFloat, inputType, maxAbsDifference, readBytes, readProto, withFolder } from '../models.ts';
import { withRandomWeights } from '../random-weights.ts';
import { attempt, type Bench, type Suite, timed, timedAsync } from '../rows.ts';

const MODELS = ['bvlc_alexnet', 'densenet121', 'inception_v1', 'resnet50', 'squeezenet', 'vgg19', 'zfnet512'] as const;
/** Minutes on the reference interpreter. */
const SLOW_ON_REFERENCE: readonly string[] = ['bvlc_alexnet', 'vgg19'];
/** The comparison of the ONNX backend tests. */
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;
const SEED = 7;
const MB = 1e6;

interface Compiled {
  readonly packageBytes: number;
  readonly totalMs: number;
  readonly peakBytes: number;
  readonly endorphin: number;
}

/** The input of the suite: element k of N is k / N, in float64 and then rounded. */
const suiteInput = (type: StaticType): Tensor => {
  const count = elementCount(type.shape);
  return { ...type, data: Float32Array.from({ length: count }, (_, k) => k / count) };
};

const checkFloat = async (bench: Bench, name: string, folder: string): Promise<void> => {
  const [program, importMs] = timed(() => importFloat(readBytes(join(folder, `light_${name}.onnx`))));
  bench.row({ name: `${name}: import`, value: importMs, unit: 'ms' });
  const stored = readProto(join(folder, `light_${name}_output_0.pb`));
  const executable = await executableOn('wasm', program);
  const [results, ms] = timed(() => executable.run([suiteInput(inputType(program))]));
  const difference = maxAbsDifference(at(results, 0).data, stored.data);
  const largest = maxAbsDifference(stored.data, new Float32Array(stored.data.length));
  const bound = ABSOLUTE + RELATIVE * largest;
  bench.row({
    name: `${name}: float against the stored output`,
    value: difference,
    unit: 'max |diff|',
    goal: `<= ${bound.toExponential(1)}`,
    met: difference <= bound,
  });
  bench.row({ name: `${name}: float run on wasm`, value: ms, unit: 'ms' });
};

const checkInt8 = async (bench: Bench, name: string, folder: string, out: string): Promise<void> => {
  const model = join(out, `${name}.onnx`);
  const cvm = join(out, `${name}.cvm`);
  writeFileSync(model, withRandomWeights(readBytes(join(folder, `light_${name}.onnx`)), SEED));
  const size = statSync(model).size;
  const c = runJson<Compiled>(['compile', model, '-o', cvm, '--random-calibration', '1']);
  bench.row({ name: `${name}: compile`, value: c.totalMs / 1000, unit: 's' });
  bench.row({ name: `${name}: peak memory`, value: c.peakBytes / MB, unit: 'MB' });
  bench.row({ name: `${name}: package`, value: c.packageBytes / MB, unit: 'MB', peer: `ONNX ${(size / MB).toFixed(1)}` });
  bench.row({ name: `${name}: price of a run`, value: c.endorphin, unit: 'Endorphin' });
  const { program } = unwrap(decodePackage(readBytes(cvm)));
  const inputs = at(randomSamples(program, 1), 0);
  const [wasm, compileMs] = await timedAsync(() => executableOn('wasm', program));
  bench.row({ name: `${name}: make the wasm module`, value: compileMs, unit: 'ms' });
  const [fast, wasmMs] = timed(() => wasm.run(inputs).map(tensorDigest));
  bench.row({ name: `${name}: INT8 run on wasm`, value: wasmMs, unit: 'ms' });
  if (bench.quick && SLOW_ON_REFERENCE.includes(name)) {
    bench.row({ name: `${name}: wasm = reference`, unit: '', goal: 'same bytes', skipped: '--quick' });
    return;
  }
  const reference = await executableOn('reference', program);
  const [slow, referenceMs] = timed(() => reference.run(inputs).map(tensorDigest));
  const same = slow.join() === fast.join();
  bench.row({ name: `${name}: INT8 run on reference`, value: referenceMs, unit: 'ms' });
  bench.row({ name: `${name}: wasm = reference`, value: same ? 'same bytes' : 'DIFFERENT', unit: '', goal: 'same bytes', met: same });
};

const run = async (bench: Bench): Promise<void> => {
  const folder = bench.data === undefined ? undefined : join(bench.data, 'onnx-suites', 'light');
  for (const name of MODELS) {
    if (folder === undefined || !existsSync(join(folder, `light_${name}.onnx`))) {
      bench.row({ name, unit: '', skipped: 'the data folder is not on this machine' });
      continue;
    }
    await attempt(bench, name, async () => {
      await checkFloat(bench, name, folder);
      await withFolder((out) => checkInt8(bench, name, folder, out));
    });
  }
};

export const light: Suite = {
  name: 'light',
  summary: 'seven ImageNet architectures: import, float output, INT8 bytes, size, price, time',
  run,
};
