import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import { Philox } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { readBytes, withFolder } from '../models.ts';
import { peerPython } from '../peers/peers.ts';
import { withRandomWeights } from '../random-weights.ts';
import type { Bench, Suite } from '../rows.ts';

const SEED = 50;
const SHAPE = [3, 224, 224] as const;
const IMAGES = 256;
const QUICK_IMAGES = 16;
const FEW_IMAGES = 32;
const MB = 1e6;
/** What a peer may take before it is stopped. */
const PEER_BYTES = 12e9;
const TIMEOUT_MS = 3_600_000;

interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly peakBytes: number;
}

interface Compiled {
  readonly totalMs: number;
  readonly peakBytes: number;
  readonly phasesMs: Readonly<Record<string, number>>;
}

/** Writes seeded images, normalized, as float32[count, 3, 224, 224]: smooth fields with noise, as photos have both. */
const writeImages = (path: string, count: number): void => {
  const header = encodeNpy({ dtype: 'f32', shape: [1, ...SHAPE], data: new Float32Array(SHAPE[0] * SHAPE[1] * SHAPE[2]) });
  const bytes = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2];
  // the header of one image with the count put in: numpy pads it with spaces to a multiple of 64
  const text = new TextDecoder().decode(header.subarray(10, header.length - bytes)).replace('(1, ', `(${count}, `);
  const padded = `${text.trimEnd().padEnd(header.length - bytes - 11)}\n`;
  const file = openSync(path, 'w');
  try {
    writeSync(file, header.subarray(0, 10));
    writeSync(file, new TextEncoder().encode(padded));
    for (let i = 0; i < count; i++) {
      const random = new Philox(SEED, 1, i);
      const [a, b, c] = [random.unit(), random.unit(), random.unit()];
      const data = new Float32Array(bytes / 4);
      for (let k = 0; k < data.length; k++) {
        const [x, y] = [(k % SHAPE[2]) / SHAPE[2], (Math.floor(k / SHAPE[2]) % SHAPE[1]) / SHAPE[1]];
        data[k] = 4 * (Math.abs(x - a) + Math.abs(y - b) * c) - 2 + (random.unit() - 0.5);
      }
      writeSync(file, new Uint8Array(data.buffer));
    }
  } finally {
    closeSync(file);
  }
};

/** Tells the processor time of all threads when the process ends. */
const METER = `data:text/javascript,${encodeURIComponent(
  'process.on("exit",()=>{const{user,system}=process.cpuUsage();process.stderr.write(`\\ncpu ${(user+system)/1e6}\\n`)})',
)}`;

interface Ours extends Cost {
  readonly calibrationSeconds: number;
}

const compileOnce = (model: string, images: string, limit: number, out: string, words: readonly string[]): Ours => {
  const main = join(ROOT, 'dist', 'src', 'cli', 'main.js');
  const compile = ['compile', model, '-o', out, '--calibration', images, '--calibration-limit', String(limit), '--equalize', 'off'];
  const run = spawnSync(process.execPath, ['--import', METER, main, ...compile, ...words, '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const processor = /\ncpu ([\d.]+)\n/.exec(run.stderr)?.[1];
  if (run.status !== 0 || processor === undefined) {
    throw new Error(`compile ended with ${String(run.status)}: ${run.stdout.slice(0, 500)}${run.stderr.slice(0, 500)}`);
  }
  const compiled = JSON.parse(run.stdout) as Compiled;
  return {
    seconds: compiled.totalMs / 1000,
    processorSeconds: Number(processor),
    peakBytes: compiled.peakBytes,
    calibrationSeconds: (compiled.phasesMs['run calibration'] ?? 0) / 1000,
  };
};

type PeerCost = Cost | { readonly failed: string };

const peerOnce = (python: string, model: string, images: string, method: string): PeerCost => {
  const script = join(ROOT, 'bench', 'peers', 'onnxruntime_calibration.py');
  const words = [script, model, images, method, String(PEER_BYTES)];
  const run = spawnSync(python, words, { encoding: 'utf8', timeout: TIMEOUT_MS });
  const last = run.stdout?.trim().split('\n').at(-1) ?? '';
  if (run.status !== 0 || !last.startsWith('{')) {
    return { failed: run.signal === null ? (run.stderr.trim().split('\n').at(-1) ?? 'no result').slice(0, 120) : `ended by ${run.signal}` };
  }
  return JSON.parse(last) as PeerCost;
};

/** The method of each and the one of the peer that tells as much. */
const PAIRS = [
  ['minmax', 'MinMax'],
  ['mse', 'Entropy'],
  ['percentile', 'Percentile'],
] as const;

const report = (bench: Bench, method: string, ours: Ours, peerMethod: string, peer: PeerCost | undefined, count: number): void => {
  const cost = peer === undefined || 'failed' in peer ? undefined : peer;
  const failed = peer !== undefined && 'failed' in peer ? `onnxruntime ${peerMethod}: ${peer.failed}` : undefined;
  const row = (name: string, value: number, unit: string, other: number | undefined, isBetter: (a: number, b: number) => boolean): void =>
    bench.row({
      name: `${method}: ${name}`,
      value,
      unit,
      peer: other === undefined ? failed : `onnxruntime ${peerMethod} ${other.toFixed(2)}`,
      ...(other === undefined ? {} : { goal: 'no worse than the peer', met: isBetter(value, other) }),
    });
  const less = (a: number, b: number): boolean => a <= b;
  row(`quantize with ${count} images`, ours.seconds, 's', cost?.seconds, less);
  row('  processor time', ours.processorSeconds, 's', cost?.processorSeconds, less);
  row('  images a second', count / ours.seconds, '1/s', cost === undefined ? undefined : count / cost.seconds, (a, b) => a >= b);
  row('  peak memory', ours.peakBytes / MB, 'MB', cost === undefined ? undefined : cost.peakBytes / MB, less);
  bench.row({ name: `${method}:   of it calibration`, value: ours.calibrationSeconds, unit: 's' });
};

const run = async (bench: Bench): Promise<void> => {
  const source = bench.data === undefined ? undefined : join(bench.data, 'onnx-suites', 'light', 'light_resnet50.onnx');
  if (source === undefined || !existsSync(source)) {
    bench.row({ name: 'calibrate ResNet-50', unit: 's', skipped: 'the data folder is not on this machine' });
    return;
  }
  const count = bench.quick ? QUICK_IMAGES : IMAGES;
  const python = peerPython();
  await withFolder(async (folder) => {
    const [model, images] = [join(folder, 'resnet50.onnx'), join(folder, 'images.npy')];
    bench.say(`making a ResNet-50 with random weights and ${count} images`);
    writeFileSync(model, withRandomWeights(readBytes(source), SEED));
    writeImages(images, count);
    for (const [method, peerMethod] of PAIRS) {
      bench.say(`cortexc ${method}`);
      const ours = compileOnce(model, images, count, join(folder, 'a.cvm'), ['--method', method, '--rounding', 'nearest']);
      if ('python' in python) bench.say(`onnxruntime ${peerMethod}`);
      report(bench, method, ours, peerMethod, 'python' in python ? peerOnce(python.python, model, images, peerMethod) : undefined, count);
    }
    if ('missing' in python) bench.row({ name: 'onnxruntime', unit: '', skipped: python.missing });
    const threads = [1, 2].map((n) => {
      const out = join(folder, `threads${n}.cvm`);
      bench.say(`cortexc with --threads ${n}`);
      const words = ['--method', 'mse', '--rounding', 'nearest', '--threads', String(n)];
      const cost = compileOnce(model, images, Math.min(count, FEW_IMAGES), out, words);
      bench.row({
        name: `mse, ${Math.min(count, FEW_IMAGES)} images, ${n} ${n === 1 ? 'thread' : 'threads'}`,
        value: cost.seconds,
        unit: 's',
      });
      return readBytes(out);
    });
    const same = Buffer.compare(at(threads, 0), at(threads, 1)) === 0;
    bench.row({ name: 'package with 1 and 2 threads', value: same ? 'same bytes' : 'differs', unit: '', goal: 'same bytes', met: same });
  });
};

export const calibration: Suite = {
  name: 'calibration',
  summary: 'time and memory of calibrating a ResNet-50, beside onnxruntime on the same images',
  run,
};
