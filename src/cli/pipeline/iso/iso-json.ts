import { type Comparison, sideBySide, type Verdict } from '../../../passes/index.ts';
import type { Json } from '../../json.ts';

/** Weights told one by one, those that differ most first. */
const MOST_WEIGHTS = 20;

const exactnessCounts = (trace: Comparison['trace']['a']): { readonly [key: string]: Json } => {
  const counts: Record<string, { readonly exactness: string; readonly times: number }> = {};
  for (const { rule, exactness } of trace) counts[rule] = { exactness, times: (counts[rule]?.times ?? 0) + 1 };
  return counts;
};

export const isoJson = (comparison: Comparison, level: number, verdict: Verdict): { readonly [key: string]: Json | undefined } => {
  const { difference: d, probes: p, weights, ports } = comparison;
  const found = [...(weights?.pairs ?? [])].sort((x, y) => y.residual - x.residual);
  return {
    verdict,
    level,
    reached: comparison.reached,
    levels: comparison.levels.map((l) => ({ ...l })),
    difference: d === undefined ? null : { kind: d.kind, what: d.what, a: { ...d.a }, b: { ...d.b } },
    notes: [...comparison.notes],
    inputs: [...ports.inputs.order],
    outputs: [...ports.outputs.order],
    view: comparison.view === undefined ? null : { ...comparison.view },
    form: comparison.form,
    byField: comparison.byField,
    rules: { a: exactnessCounts(comparison.trace.a), b: exactnessCounts(comparison.trace.b) },
    mapping: sideBySide(comparison).map((r) => ({
      same: r.same,
      ...(r.a === undefined ? {} : { a: { name: r.a.origin, op: r.a.op } }),
      ...(r.b === undefined ? {} : { b: { name: r.b.origin, op: r.b.op } }),
    })),
    weights:
      weights === undefined
        ? null
        : {
            verdict: weights.kind,
            compared: found.length,
            permuted: found.filter((w) => w.permuted).length,
            scaled: found.filter((w) => w.scaled).length,
            farthest: found.slice(0, MOST_WEIGHTS).map((w) => ({ a: w.a.origin, b: w.b.origin, residual: w.residual })),
          },
    probes:
      p === undefined
        ? null
        : {
            ...p,
            counterexample: p.counterexample === undefined ? null : { ...p.counterexample },
            bound: p.bound === undefined ? null : { ...p.bound },
          },
  };
};
