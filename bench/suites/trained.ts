import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../../src/ir/index.ts';
import { classify } from '../classify.ts';
import { cifarResnet20, type LabelledModel, type LabelledSet, mnistModels, squeezenet } from '../labelled/index.ts';
import { executableOn, importFloat, inputType, maxAbsDifference, readBytes, readProto } from '../models.ts';
import { attempt, type Bench, type Suite } from '../rows.ts';

/** Points of top-1 that INT8 may lose. */
const MOST_LOST = 1;

// ---------------------------------------------------------------- stored references

interface Reference {
  readonly name: string;
  readonly model: string;
  readonly input: string;
  readonly output: string;
  readonly goal: number;
}

/** Models with outputs that another runtime stored, and the difference that float32 in another order explains. */
const REFERENCES: readonly Reference[] = [
  {
    name: 'SqueezeNet 1.1 (fp16 weights) against onnxruntime',
    model: 'squeezenet1.1-fp16/SqueezeNet_fp16.onnx',
    input: 'squeezenet1.1-fp16/ort_test_data_0_input.pb',
    output: 'squeezenet1.1-fp16/ort_test_data_0_output.pb',
    goal: 2e-4,
  },
  ...[0, 1].map((i) => ({
    name: `MNIST CNTK, data set ${i}`,
    model: 'mnist-cntk/model.onnx',
    input: `mnist-cntk/test_data_set_${i}/input_0.pb`,
    output: `mnist-cntk/test_data_set_${i}/output_0.pb`,
    goal: 1e-2,
  })),
  {
    name: 'super resolution',
    model: 'super_resolution/super_resolution.onnx',
    input: 'super_resolution/test_data_set_0/input_0.pb',
    output: 'super_resolution/test_data_set_0/output_0.pb',
    goal: 1e-5,
  },
];

/** Rank-agnostic: some stored inputs lack the batch axis. */
const compareStored = async (bench: Bench, name: string, program: Program, input: string, output: string, goal: number): Promise<void> => {
  const executable = await executableOn('wasm', program);
  const inputs = program.inputs.length === 0 ? [] : [readProto(input, inputType(program).shape)];
  const [result] = executable.run(inputs);
  const stored = readProto(output);
  const difference = maxAbsDifference(result?.data ?? [], stored.data);
  bench.row({ name: `${name}: float`, value: difference, unit: 'max |diff|', goal: `<= ${goal}`, met: difference <= goal });
};

const storedReferences = async (bench: Bench, folder: string): Promise<void> => {
  for (const r of REFERENCES) {
    await attempt(bench, r.name, () =>
      compareStored(bench, r.name, importFloat(readBytes(join(folder, r.model))), join(folder, r.input), join(folder, r.output), r.goal),
    );
  }
  const cuts = join(folder, 'mnist-cntk', 'per-layer');
  for (const cut of existsSync(cuts) ? readdirSync(cuts).sort() : []) {
    const name = `MNIST CNTK cut ${cut}`;
    const data = join(cuts, cut, 'test_data_set_0');
    await attempt(bench, name, () =>
      compareStored(
        bench,
        name,
        importFloat(readBytes(join(cuts, cut, `${cut}.onnx`))),
        join(data, 'input_0.pb'),
        join(data, 'output_0.pb'),
        1e-2,
      ),
    );
  }
};

// ---------------------------------------------------------------- labelled sets

const report = async (bench: Bench, name: string, program: Program, set: LabelledSet, peer: string, top5 = false): Promise<void> => {
  const { float, int8, refused } = await classify(program, set);
  const percent = (share: number): number => 100 * share;
  const of = `of ${set.samples.length}`;
  bench.row({ name: `${name}: float top-1 ${of}`, value: percent(float.top1), unit: '%', peer });
  if (int8 === undefined) {
    bench.row({ name: `${name}: INT8`, unit: '%', skipped: refused ?? 'no integer form' });
    return;
  }
  const met = percent(int8.top1) >= percent(float.top1) - MOST_LOST;
  bench.row({
    name: `${name}: INT8 top-1 ${of}`,
    value: percent(int8.top1),
    unit: '%',
    peer: `float ${percent(float.top1).toFixed(2)}`,
    goal: `>= float - ${MOST_LOST}`,
    met,
  });
  bench.row({ name: `${name}: INT8 chooses as float`, value: percent(int8.agreement), unit: '%' });
  if (!top5) return;
  bench.row({ name: `${name}: float top-5 ${of}`, value: percent(float.top5), unit: '%' });
  bench.row({ name: `${name}: INT8 top-5 ${of}`, value: percent(int8.top5), unit: '%', peer: `float ${percent(float.top5).toFixed(2)}` });
};

const measure = async (
  bench: Bench,
  model: LabelledModel,
  options: { readonly most?: number; readonly top5?: boolean } = {},
): Promise<void> =>
  attempt(bench, model.name, async () => {
    const loaded = model.load(options.most);
    if (loaded === undefined) bench.row({ name: model.name, unit: '%', skipped: 'tar with zstd is not on this machine' });
    else await report(bench, model.name, loaded.program, loaded.set, model.published ?? '', options.top5);
  });

const run = async (bench: Bench): Promise<void> => {
  const { data } = bench;
  if (data === undefined) {
    bench.row({ name: 'trained models', unit: '', skipped: 'the data folder is not on this machine' });
    return;
  }
  await storedReferences(bench, join(data, 'onnx-trained'));
  for (const model of mnistModels(data)) await measure(bench, model, bench.quick ? { most: 1000 } : {});
  await measure(bench, cifarResnet20(data));
  await measure(bench, squeezenet(data), { top5: true });
};

export const trained: Suite = {
  name: 'trained',
  summary: 'small trained ONNX models: float against stored outputs, INT8 accuracy on real data',
  run,
};
