import { attempt, type Bench, type Suite } from '../rows.ts';
import { layers } from './cpu-layers.ts';
import { scaling } from './cpu-scaling.ts';
import { coldStart, memory } from './cpu-start.ts';
import { tflite } from './cpu-tflite.ts';
import { throughput } from './cpu-throughput.ts';

/** The parts that are not networks, by the name that --only selects. */
const PARTS = { layers, 'cold-start': coldStart, memory, scaling } as const;

const run = async (bench: Bench): Promise<void> => {
  for (const [name, part] of Object.entries(PARTS)) if (bench.wants(name)) await attempt(bench, name, () => part(bench));
  await throughput(bench);
  await tflite(bench);
};

export const cpu: Suite = {
  name: 'cpu',
  summary: 'native and WebAssembly side by side with onnxruntime, onnxruntime-web, TensorFlow Lite, tract and TVM',
  run,
};
