import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { macsOfProgram } from '../../src/backends/index.ts';
import { at } from '../../src/support/index.ts';
import { interleave } from '../cpu/interleave.ts';
import { absence, compileOurs, digestsOf, type Ours, TARGETS } from '../cpu/ours.ts';
import { Peer, providePeer } from '../cpu/peers.ts';
import { packageOf, programOf, referenceDigest, samplesOf } from '../cpu/prepare.ts';
import { gmacs, howText, speedText } from '../cpu/text.ts';
import { attempt, type Bench } from '../rows.ts';

/** Integer models as their authors quantized them: MLPerf Tiny's four, and two MobileNets of ImageNet. */
const MODELS = [
  { name: 'tiny-resnet8', title: 'MLPerf Tiny ResNet-8', path: 'mlperf-tiny/pretrainedResnet_quant.tflite' },
  { name: 'tiny-kws', title: 'MLPerf Tiny DS-CNN', path: 'mlperf-tiny/kws_ref_model.tflite' },
  { name: 'tiny-ad', title: 'MLPerf Tiny autoencoder', path: 'mlperf-tiny/ad01_int8.tflite' },
  { name: 'tiny-person', title: 'person detection (MobileNet v1 0.25)', path: 'mlonmcu/person_detect/person_detect.tflite' },
  { name: 'tflite-mobilenet-v2', title: 'MobileNet v2 1.0 224, trained', path: 'coral/mobilenet_v2_1.0_224_quant.tflite' },
  { name: 'tflite-mobilenet-v1', title: 'MobileNet v1 0.75 192, trained', path: 'coral/mobilenet_v1_0.75_192_quant.tflite' },
] as const;
const QUICK: readonly string[] = ['tiny-resnet8', 'tiny-kws', 'tflite-mobilenet-v2'];
const SECONDS = 2;
const QUICK_SECONDS = 0.6;

const measure = async (bench: Bench, title: string, model: string, threads: number): Promise<void> => {
  const program = programOf(packageOf(model));
  const samples = samplesOf(program).slice(0, 1);
  const expected = await digestsOf(program, samples);
  const macs = macsOfProgram(program);
  const how = `${title}, ${howText({ threads, batch: 1 })}`;
  if (threads === 1) {
    const same = (await referenceDigest(program)) === at(expected, 0);
    bench.row({ name: `${title}: bytes of wasm and reference`, value: same ? 'same' : 'DIFFERENT', unit: '', goal: 'same', met: same });
  }
  const ours: Ours[] = [];
  for (const target of TARGETS) {
    const missing = absence(target);
    if (missing === undefined)
      await attempt(bench, `${how}: ${target}`, async () => {
        ours.push(await compileOurs(program, { target, threads, batch: 1 }, samples, expected));
      });
    else bench.row({ name: `${how}: ${target}`, unit: 'GMAC/s', skipped: missing });
  }
  const provided = providePeer('tflite');
  const peer = 'missing' in provided ? undefined : await Peer.start(provided.words, { model, threads, batch: 1 });
  if ('missing' in provided) bench.row({ name: `${how}: TensorFlow Lite`, unit: 'x', skipped: provided.missing });
  const rounds = await interleave([...ours, ...(peer === undefined ? [] : [peer])], { seconds: bench.quick ? QUICK_SECONDS : SECONDS });
  for (const mine of ours) {
    const ms = rounds.ms(mine);
    const exact = mine.isExact();
    bench.row({ name: `${how}: ${mine.name}, bytes`, value: exact ? 'same' : 'DIFFERENT', unit: '', goal: 'same', met: exact });
    bench.row({ name: `${how}: ${mine.name}`, value: gmacs(macs, ms), unit: 'GMAC/s', peer: `${ms.toPrecision(3)} ms` });
    if (peer !== undefined) {
      const told = `${peer.name} with XNNPACK: ${speedText(macs, rounds.ms(peer))}`;
      bench.row({ name: `${how}: ${mine.name} against TensorFlow Lite int8`, value: rounds.ratio(mine, peer), unit: 'x', peer: told });
    }
    mine.close();
  }
  peer?.close();
};

/** The integer models of others against TensorFlow Lite, both with the scales that the file brings. */
export const tflite = async (bench: Bench): Promise<void> => {
  for (const { name, title, path } of MODELS) {
    if (!bench.wants(name)) continue;
    const model = bench.data === undefined ? undefined : join(bench.data, 'tflite', path);
    if (model === undefined || !existsSync(model)) bench.row({ name: title, unit: '', skipped: 'the data folder is not on this machine' });
    else if (bench.quick && !QUICK.includes(name)) bench.row({ name: title, unit: '', skipped: '--quick' });
    else for (const threads of bench.quick ? [1] : [1, 2]) await attempt(bench, title, () => measure(bench, title, model, threads));
  }
};
