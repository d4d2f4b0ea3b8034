import { join } from 'node:path';
import { ROOT, runJson } from '../data.ts';
import { BACKEND_NAMES, withFolder } from '../models.ts';
import type { Bench, Suite } from '../rows.ts';

interface Compiled {
  readonly accuracy: Readonly<Record<'float' | 'int8', { readonly samples: number; readonly top1: number }>>;
  readonly sourceBytes: number;
  readonly packageBytes: number;
  readonly endorphin: number;
  readonly totalMs: number;
}
interface Ran {
  readonly ms: number;
  readonly outputs: readonly { readonly digest: string }[];
}

/** What PyTorch measured when the model was trained (examples/digits/ATTRIBUTION.md). */
const PYTORCH_TOP1 = 99.2;
/** Points that INT8 may lose. */
const MOST_LOST = 0.5;

const run = (bench: Bench): Promise<void> =>
  withFolder(async (folder) => {
    const data = (name: string): string => join(ROOT, 'examples', 'digits', name);
    const cvm = join(folder, 'digits.cvm');
    bench.say('compiling');
    const evaluation = ['--eval', data('test-images.npy'), '--eval-labels', data('test-labels.npy')];
    const compiled = runJson<Compiled>([
      'compile',
      data('model.onnx'),
      '-o',
      cvm,
      '--calibration',
      data('calibration-images.npy'),
      ...evaluation,
    ]);
    const float = 100 * compiled.accuracy.float.top1;
    const int8 = 100 * compiled.accuracy.int8.top1;
    const samples = compiled.accuracy.float.samples;
    bench.row({
      name: `float top-1 of ${samples}`,
      value: float,
      unit: '%',
      peer: `PyTorch ${PYTORCH_TOP1}`,
      goal: `= ${PYTORCH_TOP1}`,
      met: Math.abs(float - PYTORCH_TOP1) < 1e-9,
    });
    bench.row({
      name: `INT8 top-1 of ${samples}`,
      value: int8,
      unit: '%',
      peer: `float ${float.toFixed(2)}`,
      goal: `>= float - ${MOST_LOST}`,
      met: int8 >= float - MOST_LOST,
    });
    bench.row({
      name: 'package',
      value: compiled.packageBytes / 1000,
      unit: 'KB',
      peer: `ONNX ${(compiled.sourceBytes / 1000).toFixed(1)}`,
    });
    bench.row({ name: 'price of a run', value: compiled.endorphin, unit: 'Endorphin' });
    bench.row({ name: 'compile, with evaluation', value: compiled.totalMs / 1000, unit: 's' });
    const digests = new Map<string, string>();
    for (const backend of BACKEND_NAMES) {
      bench.say(`running on ${backend}`);
      const ran = runJson<Ran>(['run', cvm, data('test-images.npy'), '--backend', backend]);
      digests.set(backend, ran.outputs[0]?.digest ?? '');
      bench.row({ name: `500 images on ${backend}`, value: ran.ms, unit: 'ms' });
    }
    for (const [backend, digest] of digests) {
      bench.row({
        name: `digest on ${backend}`,
        value: digest,
        unit: 'sha256',
        goal: 'all equal',
        met: new Set(digests.values()).size === 1,
      });
    }
  });

export const digits: Suite = { name: 'digits', summary: 'the example in examples/digits: accuracy, size, price, digests', run };
