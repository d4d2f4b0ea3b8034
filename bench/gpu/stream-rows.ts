import type { GpuInstance } from '../../src/backends/gpu/index.ts';
import type { Bench } from '../rows.ts';
import { type Built, hasVectors, isBuilt } from './device-folder.ts';
import { built, loadedModel, open, reloadedModel, reopenedModel } from './device-measure.ts';
import { NO_GPU, type Setting } from './device-setting.ts';
import { type NetworkName, networkTitle, STREAM_NETWORKS } from './networks/architectures.ts';
import { runStream, type StreamLimits, type StreamModel } from './stream.ts';

/** 3.16 ms over eight cards with the models loaded; 113.3 ms where model and data are read again for each image. */
const PAPER = '8 GTX 1080 Ti, MXNet (CortexFoundation/CortexInferencePerformanceTest, README)';
const LOADED = { goal: 1, peer: `3.16 ms/image on ${PAPER}` };
const AGAIN = `113.3 ms/image on ${PAPER}, where the picture is read again too`;

interface Way {
  readonly what: string;
  readonly peer: string;
  readonly goal?: number;
  readonly limits: StreamLimits;
  readonly models: readonly StreamModel[];
}

const rowsOf = ({ bench, fake }: Setting, { what, peer, goal, limits, models }: Way): void => {
  const result = runStream(models, limits);
  const name = `stream of ${models.length} models, ${what}`;
  const wrong = `${result.images} images, ${result.wrong} with other bytes`;
  bench.row({
    name: `${name}, bytes`,
    value: result.wrong === 0 ? 'equal' : wrong,
    unit: '',
    goal: 'equal',
    met: result.wrong === 0,
    peer: wrong,
  });
  const time = { name, unit: 'ms/image', ...(goal === undefined ? {} : { goal: `<= ${goal}` }) };
  if (fake) return bench.row({ ...time, skipped: NO_GPU });
  const value = result.millisecondsPerImage;
  const enough = result.wrong === 0;
  bench.row({ ...time, value, peer: `${wrong}; ${peer}`, ...(goal === undefined ? {} : { met: enough && value <= goal }) });
  bench.row({ name: `${name}, median of images`, value: result.p50, unit: 'ms' });
  bench.row({ name: `${name}, 99 % of images`, value: result.p99, unit: 'ms' });
};

const SECOND = 1000;
const [IMAGES, QUICK_IMAGES] = [100_000, 20_000];

const limitsOf = ({ fake, bench }: Setting, seconds: number): StreamLimits =>
  fake ? { images: 4, milliseconds: 20 * SECOND } : { images: bench.quick ? QUICK_IMAGES : IMAGES, milliseconds: seconds * SECOND };

/** The row of the goal where it cannot be measured. */
export const streamNeeds = (bench: Bench): void =>
  bench.row({
    name: `stream of ${STREAM_NETWORKS.length} models, loaded`,
    unit: 'ms/image',
    goal: `<= ${LOADED.goal}`,
    skipped: `${NO_GPU}; ${LOADED.peer}`,
  });

/** The white paper's stream: models loaded, parameters copied for each image, and everything opened for each image. */
export const streamRows = (setting: Setting, names: readonly NetworkName[]): void => {
  const { bench, device } = setting;
  const lacking = names.filter((name) => !isBuilt({ name, batch: 1 }) || !hasVectors({ name }));
  if (lacking.length > 0)
    bench.row({ name: 'stream: not prepared', value: lacking.map(networkTitle).join(', '), unit: '', goal: 'none', met: false });
  const there = names
    .filter((name) => !lacking.includes(name))
    .map((name): readonly [NetworkName, Built] => [name, built({ name, batch: 1 })]);
  if (there.length === 0) return;
  // fewer models are another stream: the goal is of all eight
  const whole = names === STREAM_NETWORKS && lacking.length === 0 ? { goal: LOADED.goal } : {};
  const instances: GpuInstance[] = [];
  try {
    const models = there.map(([name, program]) => {
      const instance = open(device, program);
      instances.push(instance);
      return loadedModel(name, program, instance);
    });
    for (const { run, pictures } of models) for (const { inputs } of pictures) run(inputs);
    rowsOf(setting, { what: 'loaded', peer: LOADED.peer, ...whole, limits: limitsOf(setting, bench.quick ? 15 : 25), models });
  } finally {
    for (const instance of instances) instance.close();
  }
  const reloaded = there.map(([name, program]) => reloadedModel(device, name, program));
  try {
    rowsOf(setting, { what: 'parameters copied and packed for each image', peer: AGAIN, limits: limitsOf(setting, 6), models: reloaded });
  } finally {
    for (const model of reloaded) model.close();
  }
  const reopened = there.map(([name, program]) => reopenedModel(device, name, program));
  rowsOf(setting, { what: 'model opened for each image', peer: AGAIN, limits: limitsOf(setting, 6), models: reopened });
};
