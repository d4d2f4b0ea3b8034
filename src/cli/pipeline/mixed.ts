import { rmdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PackageFile, SourceProvenance } from '../../cvm-bytecode/index.ts';
import { identityHash, type Program } from '../../ir/index.ts';
import {
  type AssignedLayer,
  type Budgets,
  chooseMixed,
  type Compile,
  LADDER,
  type LayerBits,
  type Mixed,
  PROFILES,
  type QuantizedModel,
  type Searched,
  type Settings,
  settingsOf,
  type WeightBits,
} from '../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { calibrationMissing } from '../diagnostics.ts';
import { compilerVersion } from '../version.ts';
import type { BudgetArgs } from './budgets.ts';
import type { Calibration } from './calibration.ts';
import { type DropMeter, labelledMeter, unlabelledMeter } from './drop.ts';
import { type EvaluationArgs, loadLabelled } from './evaluation.ts';
import { type MixedState, openMixedState, recordStale, STATE_FILE } from './mixed-state.ts';
import type { PreparationOptions } from './samples.ts';

/** A chosen assignment of bits, and under what it was chosen. */
export interface MixedRun {
  readonly mixed: Mixed;
  readonly budgets: Budgets;
  readonly meter: DropMeter;
}

/** What the record of a package says of bits: those of most layers, and the layers that have others. */
export interface BitsRecord {
  readonly bits: WeightBits;
  readonly layers?: readonly (readonly [string, number, number])[];
}

const WIDTHS = [8, 6, 16] as const;

/** The profile of most layers, 8 bits among equals, and every layer that differs from it. */
export const bitsRecord = (layers: readonly Pick<AssignedLayer, 'layers' | 'bits'>[]): BitsRecord => {
  const count = (width: WeightBits): number => layers.filter(({ bits }) => bits.weights === width).length;
  const bits = WIDTHS.reduce<WeightBits>((most, width) => (count(width) > count(most) ? width : most), 8);
  const others = layers.flatMap(({ layers: names, bits: own }) =>
    own.weights === PROFILES[bits].weights && own.activations === PROFILES[bits].activations
      ? []
      : names.map((name): [string, number, number] => [name, own.weights, own.activations]),
  );
  return others.length === 0 ? { bits } : { bits, layers: others };
};

/** The bits that a package records. */
export const bitsOfRecord = (quantization: SourceProvenance['quantization']): BitsRecord | undefined => {
  const bits = WIDTHS.find((w) => w === quantization?.bits);
  if (quantization === undefined || bits === undefined) return undefined;
  return quantization.layers === undefined ? { bits } : { bits, layers: quantization.layers };
};

/** The settings that a record stands for, over all layers of a model. */
export const recordedBits = (record: BitsRecord, all: readonly { readonly name: string }[]): Pick<Settings, 'bits' | 'layers'> => {
  const others = new Map(record.layers?.map(([name, weights, activations]) => [name, { weights, activations }]));
  const layers = all.map(({ name }): [string, LayerBits] => {
    const own = others.get(name);
    const weights = WIDTHS.find((w) => w === own?.weights);
    if (own === undefined || weights === undefined) return [name, PROFILES[record.bits]];
    return [name, { weights, activations: own.activations === 16 ? 16 : 8 }];
  });
  return settingsOf(new Map(layers));
};

/** Settings in a form of which equal ones have equal texts. */
const settingsText = ({ ranges, ...rest }: Settings): string =>
  JSON.stringify([rest, typeof ranges === 'string' ? ranges : [...ranges].sort(([a], [b]) => a - b)]);

/** Digest of everything that decides what is measured. */
const runDigest = ({ calibrated, settings }: Searched, calibration: Calibration, meter: DropMeter, form: string): string =>
  sha256Hex(
    [
      compilerVersion(),
      identityHash(calibrated.float),
      JSON.stringify(calibrated.layers.map((l) => l.name)),
      settingsText(settings),
      JSON.stringify(LADDER),
      calibration.digest(),
      meter.kind,
      meter.digest,
      form,
    ].join('\n'),
  );

export interface ChooseOptions {
  readonly args: BudgetArgs & EvaluationArgs;
  readonly context: Context;
  /** The program as imported; at hand when there are labelled samples. */
  readonly imported: Program | undefined;
  readonly preparation: PreparationOptions;
  readonly budgets: Budgets;
  readonly calibration: Calibration;
  readonly compile: Compile;
  /** The package with a model. */
  readonly lay: (model: QuantizedModel, record: BitsRecord) => Result<PackageFile>;
  /** Text that differs where packages of one model differ: metadata, storage. */
  readonly form: string;
  /** Folder of the record when --state does not name one. It is removed when all is done. */
  readonly folder: string;
  readonly warnings: Diagnostic[];
}

/** Top-1 where there are labels, else what the float model says. Error CLI1006: there are no samples at all. */
const meterOf = ({ calibrated }: Searched, options: ChooseOptions): Result<DropMeter> => {
  const { args, context, imported, preparation, calibration, compile } = options;
  if (calibration.samples.count === 0) return fail(calibrationMissing());
  if (args.eval === undefined || imported === undefined) return ok(unlabelledMeter(calibrated.float, calibration, compile));
  const labelled = loadLabelled(context, args, imported, preparation);
  return labelled.ok ? ok(labelledMeter(imported, labelled.value, compile, context.progress)) : labelled;
};

const tooFew = ({ samples, what }: DropMeter, drop: number): Diagnostic =>
  diagnostic('QNT0102', `--max-drop ${Number((100 * drop).toFixed(4))}% is less than one of ${samples} samples (${what})`, {
    severity: 'warning',
    notes: ['Nothing may change at all, then. Give more samples with --eval and --eval-labels, or a larger budget.'],
  });

/** Whoever gives another budget need not measure again. */
const withRecord = (d: Diagnostic, folder: string): Diagnostic => ({
  ...d,
  notes: [...d.notes, `What was measured is kept in ${folder}: the same command with other budgets goes on from there.`],
});

const removeRecord = (cwd: string, folder: string): void => {
  rmSync(resolve(cwd, folder, STATE_FILE), { force: true });
  try {
    rmdirSync(resolve(cwd, folder));
  } catch {
    // others keep their own records there
  }
};

const choose = (fitted: Searched, options: ChooseOptions, meter: DropMeter, memo: MixedState): Result<Mixed> => {
  const { budgets, calibration, compile, lay, context } = options;
  return chooseMixed(fitted, {
    samples: calibration.samples,
    compile,
    budgets,
    evaluate: (model) => ({ drop: meter.drop(model) }),
    sizeOf: (model, layers) => {
      const file = lay(model, bitsRecord(layers));
      return file.ok ? ok(file.value.size) : file;
    },
    memo,
    progress: context.progress,
  });
};

/**
 * Chooses the bits of each layer within the budgets. What is measured is recorded at once in FOLDER/mixed.jsonl, so that an
 * interrupted run goes on where it was; a record that does not fit what the model gives now is left out.
 */
export const chooseBits = (fitted: Searched, options: ChooseOptions): Result<MixedRun> => {
  const { args, context, budgets, calibration, lay, warnings } = options;
  const measured = meterOf(fitted, options);
  if (!measured.ok) return measured;
  const meter = measured.value;
  const { drop } = budgets;
  if (drop !== undefined && drop > 0 && meter.kind !== 'output error' && drop * meter.samples < 1) warnings.push(tooFew(meter, drop));
  const folder = args.state ?? options.folder;
  const state = openMixedState(context.io.cwd, folder, runDigest(fitted, calibration, meter, options.form), warnings);
  if (!state.ok) return state;
  const first = choose(fitted, options, meter, state.value);
  let chosen = first;
  if (first.ok && state.value.found > 0) {
    const file = lay(first.value.model, bitsRecord(first.value.layers));
    if (!file.ok) return file;
    if (file.value.size !== first.value.chosen.size) {
      warnings.push(recordStale(join(folder, STATE_FILE)));
      state.value.forget();
      chosen = choose(fitted, options, meter, state.value);
    }
  }
  if (!chosen.ok) return { ok: false, diagnostics: chosen.diagnostics.map((d) => (d.code === 'QNT0101' ? withRecord(d, folder) : d)) };
  if (args.state === undefined) removeRecord(context.io.cwd, folder);
  return ok({ mixed: chosen.value, budgets, meter });
};
