import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fastestCompile, randomSamples, tensorDigest } from '../../src/cli/index.ts';
import { quantizeInputs, quantizeProgram } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { executableOn, importFloat, readBytes } from '../models.ts';
import { type Bench, median, type Suite, timed, timedAsync } from '../rows.ts';

const GOAL_RATIO = 20;
const WASM_RUNS_PER_ROUND = 10;
const WARM_UP_RUNS = 5;

const run = async (bench: Bench): Promise<void> => {
  const path = bench.data === undefined ? undefined : join(bench.data, 'onnx-trained', 'squeezenet1.1-fp16', 'SqueezeNet_fp16.onnx');
  if (path === undefined || !existsSync(path)) {
    bench.row({ name: 'SqueezeNet 1.1 INT8', unit: 'x', goal: `>= ${GOAL_RATIO}`, skipped: 'the data folder is not on this machine' });
    return;
  }
  bench.say('quantizing SqueezeNet 1.1');
  const program = importFloat(readBytes(path));
  const samples = randomSamples(program, 2);
  const model = unwrap(quantizeProgram(program, { compile: await fastestCompile(), samples }));
  const inputs = quantizeInputs(model, at(samples, 0));
  const [wasm, compileMs] = await timedAsync(() => executableOn('wasm', model.program));
  const reference = await executableOn('reference', model.program);
  for (let i = 0; i < WARM_UP_RUNS; i++) wasm.run(inputs);
  const wasmMs: number[] = [];
  const referenceMs: number[] = [];
  let same = true;
  // Side by side, so that other work on the machine slows both.
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    bench.say(`round ${round + 1}`);
    const [expected, ms] = timed(() => reference.run(inputs));
    referenceMs.push(ms);
    for (let i = 0; i < WASM_RUNS_PER_ROUND; i++) {
      const [got, t] = timed(() => wasm.run(inputs));
      wasmMs.push(t);
      same &&= got.every((tensor, k) => tensorDigest(tensor) === tensorDigest(at(expected, k)));
    }
  }
  const [fast, slow] = [median(wasmMs), median(referenceMs)];
  bench.row({ name: 'SqueezeNet 1.1 INT8, compile for wasm', value: compileMs, unit: 'ms' });
  bench.row({ name: `SqueezeNet 1.1 INT8, wasm, median of ${wasmMs.length}`, value: fast, unit: 'ms' });
  bench.row({ name: `SqueezeNet 1.1 INT8, reference, median of ${referenceMs.length}`, value: slow, unit: 'ms' });
  bench.row({ name: 'wasm against reference', value: slow / fast, unit: 'x', goal: `>= ${GOAL_RATIO}`, met: slow / fast >= GOAL_RATIO });
  bench.row({ name: 'same bytes', value: same ? 'yes' : 'no', unit: '', goal: 'yes', met: same });
};

export const wasm: Suite = { name: 'wasm', summary: 'SqueezeNet INT8: WebAssembly against the reference interpreter', run };
