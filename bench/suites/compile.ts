import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJson } from '../data.ts';
import { readBytes, withFolder } from '../models.ts';
import { withRandomWeights } from '../random-weights.ts';
import type { Bench, Suite } from '../rows.ts';

interface Compiled {
  readonly packageBytes: number;
  readonly totalMs: number;
  readonly peakBytes: number;
  readonly endorphin: number;
  readonly phasesMs: Readonly<Record<string, number>>;
}

const GOAL_S = 10;
/** One way of quantizing, nothing searched: what is left is the compiler itself. */
const PLAIN = ['--method', 'mse', '--rounding', 'nearest', '--equalize', 'off'];
const SEED = 50;
const MB = 1e6;

const run = async (bench: Bench): Promise<void> => {
  const source = bench.data === undefined ? undefined : join(bench.data, 'onnx-suites', 'light', 'light_resnet50.onnx');
  if (source === undefined || !existsSync(source)) {
    bench.row({ name: 'compile ResNet-50', unit: 's', goal: `< ${GOAL_S}`, skipped: 'the data folder is not on this machine' });
    return;
  }
  await withFolder(async (folder) => {
    bench.say('making a ResNet-50 with random weights');
    const model = join(folder, 'resnet50.onnx');
    writeFileSync(model, withRandomWeights(readBytes(source), SEED));
    const size = statSync(model).size;
    bench.say(`compiling ${(size / MB).toFixed(1)} MB in a process of its own`);
    const c = runJson<Compiled>(['compile', model, '-o', join(folder, 'resnet50.cvm'), '--random-calibration', '1', ...PLAIN]);
    const calibration = c.phasesMs['run calibration'] ?? 0;
    const seconds = (c.totalMs - calibration) / 1000;
    const limit = 3 * size + 300 * MB;
    bench.row({ name: 'ResNet-50 ONNX', value: size / MB, unit: 'MB' });
    bench.row({ name: 'compile without calibration', value: seconds, unit: 's', goal: `< ${GOAL_S}`, met: seconds < GOAL_S });
    bench.row({
      name: 'peak memory of the process',
      value: c.peakBytes / MB,
      unit: 'MB',
      goal: `< 3 x model + 300 = ${(limit / MB).toFixed(0)}`,
      met: c.peakBytes < limit,
    });
    bench.row({ name: 'compile with 1 sample', value: c.totalMs / 1000, unit: 's' });
    for (const [name, ms] of Object.entries(c.phasesMs)) bench.row({ name: `  ${name}`, value: ms / 1000, unit: 's' });
    bench.row({ name: 'package', value: c.packageBytes / MB, unit: 'MB', peer: `ONNX ${(size / MB).toFixed(1)}` });
    bench.row({ name: 'price of a run', value: c.endorphin, unit: 'Endorphin' });
  });
};

export const compile: Suite = { name: 'compile', summary: 'time and memory to compile a ResNet-50 with random weights', run };
