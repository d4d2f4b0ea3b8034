import { encodePackage } from '../../src/cvm-bytecode/index.ts';
import { argmax } from '../../src/cli/index.ts';
import type { Program } from '../../src/ir/index.ts';
import {
  chooseMixed,
  type Compile,
  fitQuantizer,
  quantizeInputs,
  type QuantizedModel,
  type QuantizeOptions,
  quantizeProgram,
} from '../../src/passes/index.ts';
import { at, ok, type Result } from '../../src/support/index.ts';
import type { LabelledSet } from '../labelled/index.ts';

/** What `cortexc compile` measures when nothing is said. */
const MEASURED = { method: 'auto', rounding: 'auto', equalize: 'auto' } as const satisfies Partial<QuantizeOptions>;

/** Share of the calibration samples of which the mixed model may say another class than the float model: `--max-drop 0.5%` without labels; one at least. */
const MIXED_DROP = 0.005;

const METADATA = {
  name: 'model',
  author: '',
  description: '',
  licence: '',
  version: '',
  source: { format: 'onnx', file: 'model.onnx', sha256: '0'.repeat(64), compilerVersion: 'bench' },
} as const;

/** Bytes of the package of a program. */
export const packageBytes = (program: Program, storage: 'plain' | 'compressed'): Result<number> => {
  const bytes = encodePackage({ program, metadata: METADATA, storage });
  return bytes.ok ? ok(bytes.value.length) : bytes;
};

type Quantize = (program: Program, set: LabelledSet, compile: Compile) => Result<QuantizedModel>;

/** One way of quantizing: a column of the table. */
export interface Column {
  readonly name: string;
  /** Points of top-1 that it may lose against float; absent without a goal. */
  readonly mayLose?: number;
  /** Points that it may be below the best INT8 of onnxruntime; absent without a goal. */
  readonly mayTrail?: number;
  readonly quantize: Quantize;
}

const samplesOf = (set: LabelledSet): Pick<QuantizeOptions, 'samples'> => ({ samples: set.calibration.map((t) => [t]) });

const plainly =
  (options: Partial<QuantizeOptions>): Quantize =>
  (program, set, compile) =>
    quantizeProgram(program, { ...MEASURED, ...samplesOf(set), compile, ...options });

/** The smallest package that says what the float model says on all but 0.5 % of the calibration samples; no label is seen. */
const mixed: Quantize = (program, set, compile) => {
  const fitted = fitQuantizer(program, { ...MEASURED, ...samplesOf(set), compile });
  if (!fitted.ok) return fitted;
  const runFloat = compile(program);
  const wanted = set.calibration.map((t) => argmax(at(runFloat([t]), 0).data));
  const chosen = chooseMixed(fitted.value, {
    ...samplesOf(set),
    compile,
    budgets: { drop: Math.max(MIXED_DROP, 1 / Math.max(1, set.calibration.length)) },
    evaluate: (model) => {
      const run = compile(model.program);
      const changed = set.calibration.filter((t, i) => argmax(at(run(quantizeInputs(model, [t])), 0).data) !== wanted[i]);
      return { drop: changed.length / Math.max(1, set.calibration.length) };
    },
    sizeOf: ({ program: integer }) => packageBytes(integer, 'plain'),
  });
  return chosen.ok ? ok(chosen.value.model) : chosen;
};

export const COLUMNS: readonly Column[] = [
  { name: 'INT8', mayLose: 0.3, mayTrail: 0, quantize: plainly({ bits: 8 }) },
  { name: 'INT6', mayLose: 1, mayTrail: 0.5, quantize: plainly({ bits: 6 }) },
  { name: 'mixed', quantize: mixed },
  { name: 'INT8 pot', quantize: plainly({ bits: 8, powerOfTwo: true }) },
  { name: 'HP16', mayLose: 0, quantize: plainly({ bits: 16 }) },
];
