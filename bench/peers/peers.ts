import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import type { Tensor } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import type { LabelledSet } from '../labelled/index.ts';
import { withFolder } from '../models.ts';

const FOLDER = join(ROOT, 'bench', 'peers');
const MINUTES = 60_000;

/** An interpreter with the peers installed, or why there is none. */
export type PeerPython = { readonly python: string } | { readonly missing: string };

/**
 * Makes the Python environment of the peers if it is not there yet (bench/peers/setup.sh), which needs python3 and PyPI.
 * CORTEXC_PEERS=off leaves the peers out.
 */
export const peerPython = (): PeerPython => {
  if (process.env['CORTEXC_PEERS'] === 'off') return { missing: 'CORTEXC_PEERS=off' };
  const made = spawnSync('sh', [join(FOLDER, 'setup.sh')], { encoding: 'utf8', timeout: 15 * MINUTES });
  if (made.status === 0) return { python: made.stdout.trim() };
  const reason = made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? '';
  return { missing: `no Python environment (bench/peers/setup.sh: ${reason.slice(0, 120)})` };
};

/** One of the ways in which onnxruntime quantized. */
export interface OnnxruntimeWay {
  readonly method: string;
  readonly activations: string;
  /** Processor time of quantize_static, calibration included. */
  readonly seconds: number;
  /** Percent, computed as ONNX defines the quantized graph. */
  readonly top1: number;
  /** Percent, on the integer kernels of this processor, which may saturate. */
  readonly fused: number;
  readonly bytes: number;
}

export interface OnnxruntimeReport {
  readonly onnxruntime: string;
  /** Percent, of the float model. */
  readonly float: number;
  readonly preprocessSeconds: number;
  readonly ways: readonly (OnnxruntimeWay | { readonly failed: string })[];
  readonly best: OnnxruntimeWay | null;
  /** The class that the best way says of each test sample. */
  readonly choices: readonly number[];
}

export type MrtReport =
  | { /** Percent. */ readonly top1: number; readonly images: number; readonly seconds: number }
  | { readonly refused: string };

/** Samples of shape [1, ...] as one array of shape [n, ...]. */
const stacked = (samples: readonly Tensor[]): Tensor => {
  const { shape, data } = at(samples, 0);
  const all = new Float32Array(samples.length * data.length);
  samples.forEach((s, i) => all.set(Float32Array.from(s.data), i * data.length));
  return { dtype: 'f32', shape: [samples.length, ...(shape[0] === 1 ? shape.slice(1) : shape)], data: all };
};

export interface PeerReports {
  readonly onnxruntime: OnnxruntimeReport | { readonly failed: string };
  readonly mrt: MrtReport | { readonly failed: string };
}

/** Runs the scripts of bench/peers on a model and its samples. */
export const runPeers = (python: string, model: string, set: LabelledSet): Promise<PeerReports> =>
  withFolder(async (folder) => {
    const files = { calibration: stacked(set.calibration), test: stacked(set.samples), labels: labelTensor(set.labels) };
    const paths = Object.entries(files).map(([name, tensor]) => {
      const path = join(folder, `${name}.npy`);
      writeFileSync(path, encodeNpy(tensor));
      return path;
    });
    const run = <T>(script: string): T | { readonly failed: string } => {
      const ran = spawnSync(python, [join(FOLDER, script), model, ...paths], {
        encoding: 'utf8',
        timeout: 30 * MINUTES,
        maxBuffer: 2 ** 26,
      });
      if (ran.status === 0) return JSON.parse(ran.stdout) as T;
      return { failed: ran.error?.message ?? ran.stderr.trim().split('\n').at(-1) ?? `status ${ran.status}` };
    };
    return { onnxruntime: run<OnnxruntimeReport>('onnxruntime_int8.py'), mrt: run<MrtReport>('mrt_int8.py') };
  });

const labelTensor = (labels: readonly number[]): Tensor => ({ dtype: 'i32', shape: [labels.length], data: Int32Array.from(labels) });
