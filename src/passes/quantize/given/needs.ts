import type { Program } from '../../../ir/index.ts';
import { Plan } from '../plan.ts';
import { ROLES } from '../roles/index.ts';
import { fixedAffine, leadersOf, nameOfValue } from '../sites.ts';
import { givenScales } from './given-scales.ts';

/** Whether a prepared program brings quantization of its own. */
export const bringsScales = (prepared: Program): boolean => prepared.nodes.some((n) => n.op === 'quantize' || n.op === 'dequantize');

/**
 * The user's names of the values that need calibration, in program order. A model that brings the quantization of all its
 * values needs no samples.
 */
export const valuesToCalibrate = (prepared: Program): readonly string[] => {
  const { program, activations } = givenScales(prepared);
  const planned = new Plan(program, ROLES, activations).build({ outputs: false });
  if (!planned.ok) return [];
  const plan = planned.value;
  return leadersOf(plan)
    .filter((v) => fixedAffine(plan, v) === undefined && !plan.given.has(v))
    .map((v) => nameOfValue(plan, v));
};
