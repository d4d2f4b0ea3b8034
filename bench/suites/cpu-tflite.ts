import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../cpu/interleave.ts';
import { type Network, networkOfFile } from '../cpu/network.ts';
import { absence, compileOurs, type Ours, type Spec, TARGETS } from '../cpu/ours.ts';
import { Peer, providePeer } from '../cpu/peers.ts';
import type { Step } from '../cpu/steps.ts';
import { gmacs, howText, msText, ratioText, speedText } from '../cpu/text.ts';
import { attempt, type Bench } from '../rows.ts';
import { bytesRow } from './cpu-throughput.ts';

/** Integer models as their authors quantized them: MLPerf Tiny's four, and two MobileNets of ImageNet. */
const MODELS = [
  {
    name: 'tiny-resnet8',
    title: 'ResNet-8 by MLPerf Tiny',
    path: 'mlperf-tiny/pretrainedResnet_quant.tflite',
    seconds: 0.8,
  },
  { name: 'tiny-kws', title: 'DS-CNN by MLPerf Tiny', path: 'mlperf-tiny/kws_ref_model.tflite', seconds: 0.5 },
  { name: 'tiny-ad', title: 'autoencoder by MLPerf Tiny', path: 'mlperf-tiny/ad01_int8.tflite', seconds: 0.5 },
  { name: 'tiny-vww', title: 'person detection by mlonmcu', path: 'mlonmcu/person_detect/person_detect.tflite', seconds: 0.5 },
  { name: 'mobilenet-v2', title: 'MobileNet v2 1.0 224, trained', path: 'coral/mobilenet_v2_1.0_224_quant.tflite', seconds: 1.2 },
  { name: 'mobilenet-v1', title: 'MobileNet v1 0.75 192, trained', path: 'coral/mobilenet_v1_0.75_192_quant.tflite', seconds: 1.2 },
] as const;
export type TfliteModel = (typeof MODELS)[number];
type How = Pick<Spec, 'threads' | 'batch'>;

const QUICK: readonly string[] = ['tiny-resnet8', 'tiny-kws', 'mobilenet-v2'];
const QUICK_SECONDS = 0.6;
const ALL_HOWS: readonly How[] = [1, 8].flatMap((batch) => [1, 2].map((threads) => ({ threads, batch })));

/** Where a model lies on this machine; undefined without the data folder. */
const fileOf = (bench: Bench, model: TfliteModel): string | undefined => {
  const file = bench.data === undefined ? undefined : join(bench.data, 'tflite', model.path);
  return file !== undefined && existsSync(file) ? file : undefined;
};

/** The models that are measured, with their files. Those that are not are rows. */
export const tfliteModels = (bench: Bench): readonly { readonly model: TfliteModel; readonly file: string }[] =>
  MODELS.flatMap((model) => {
    if (!bench.wants(model.name) || (bench.quick && !QUICK.includes(model.name))) return [];
    const file = fileOf(bench, model);
    return file === undefined ? [] : [{ model, file }];
  });

/** What is left out, told once. */
export const tellLeftOut = (bench: Bench): void => {
  for (const model of MODELS) {
    if (!bench.wants(model.name)) continue;
    if (bench.quick && !QUICK.includes(model.name)) bench.row({ name: model.title, unit: '', skipped: '--quick' });
    else if (fileOf(bench, model) === undefined)
      bench.row({ name: model.title, unit: '', skipped: 'the data folder is not on this machine' });
  }
};

const compileAll = async (bench: Bench, network: Network, how: How): Promise<readonly Ours[]> => {
  const ours: Ours[] = [];
  for (const target of TARGETS) {
    const name = `${network.title}, ${howText(how)}: ${target}`;
    const missing = absence(target);
    if (missing !== undefined) bench.row({ name, unit: 'GMAC/s', skipped: missing });
    else
      await attempt(bench, name, async () => {
        ours.push(await compileOurs(network, { target, ...how }));
      });
  }
  return ours;
};

/** The peer, ready; a row when it is not. */
const startPeer = async (bench: Bench, name: string, run: How & { readonly model: string }): Promise<Peer | undefined> => {
  const provided = providePeer('tflite');
  try {
    if ('missing' in provided) throw new Error(provided.missing);
    return await Peer.start(provided.words, run);
  } catch (error) {
    bench.row({ name: `${name}: TensorFlow Lite int8`, unit: 'x', skipped: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
};

const measure = async (bench: Bench, { title, seconds }: TfliteModel, file: string, how: How): Promise<void> => {
  const network = await networkOfFile(bench, title, file);
  const name = `${title}, ${howText(how)}`;
  const ours = await compileAll(bench, network, how);
  const peer = await startPeer(bench, name, { model: file, ...how });
  const macs = network.macs * how.batch;
  try {
    const rounds = await interleave([...ours, ...(peer === undefined ? [] : [peer])], {
      seconds: bench.quick ? QUICK_SECONDS : seconds,
      threads: how.threads,
    });
    for (const mine of ours) {
      const ms = rounds.ms(mine);
      bench.row({ name: `${name}: ${mine.name}`, value: gmacs(macs, ms), unit: 'GMAC/s', peer: msText(ms) });
      if (peer !== undefined && rounds.failure(peer) === undefined) {
        const ratio = rounds.ratio(mine, peer);
        const told = `${peer.name} with XNNPACK: ${speedText(macs, rounds.ms(peer))}; ${ratioText(ratio)}`;
        bench.row({ name: `${name}: ${mine.name} against TensorFlow Lite int8`, value: ratio.median, unit: 'x', peer: told });
      }
      bytesRow(bench, `${name}: ${mine.name}`, mine);
    }
  } finally {
    for (const mine of ours) mine.close();
    peer?.close();
  }
};

/** The integer models of others against TensorFlow Lite, both with the scales that the file brings. */
export const tfliteSteps = (bench: Bench): readonly Step[] =>
  tfliteModels(bench).flatMap(({ model, file }) =>
    (bench.quick ? ALL_HOWS.slice(0, 1) : ALL_HOWS).map(
      (how): Step => ({
        name: `${model.title}, ${howText(how)}`,
        seconds: 3 * ((bench.quick ? QUICK_SECONDS : model.seconds) + 1),
        run: (told) => measure(told, model, file, how),
      }),
    ),
  );
