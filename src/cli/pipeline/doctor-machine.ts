import { availableParallelism, cpus, totalmem } from 'node:os';
import { type Backend, BACKENDS, machineText } from '../../backends/index.ts';
import { type Diagnostic, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { diagnosticJson } from '../show-diagnostics.ts';
import { formatBytes, formatFacts } from '../text.ts';

type MachineFact = ReturnType<NonNullable<Backend['examine']>>[number];

/** What one backend says of this machine. */
interface Examined {
  readonly backend: string;
  readonly facts: readonly MachineFact[];
}

const machineRows = (): readonly (readonly [string, string])[] => {
  const cores = availableParallelism();
  return [
    ['machine', machineText()],
    ['processor', cpus()[0]?.model.trim() ?? 'unknown'],
    ['threads', `${cores} ${cores === 1 ? 'core' : 'cores'} for this process`],
    ['memory', formatBytes(totalmem())],
  ];
};

const examineAll = async (context: Context): Promise<readonly Examined[]> => {
  const found: Examined[] = [];
  for (const [i, backend] of BACKENDS.entries()) {
    context.progress.step('looking at', i, BACKENDS.length, backend.name);
    await backend.prepare?.();
    const probes = (backend.probes?.() ?? []).map(
      (p): MachineFact => ({ name: p.feature, value: p.usable ? 'right' : `not used: ${p.reason ?? ''}` }),
    );
    found.push({ backend: backend.name, facts: [...(backend.examine?.() ?? []), ...probes] });
  }
  return found;
};

/** `cortexc doctor` without a model: what there is on this machine to run programs with, and what is missing. */
export const examineMachine = async (context: Context): Promise<Result<Report>> => {
  const examined = await examineAll(context);
  const problems = examined.flatMap((e) => e.facts.flatMap((f): readonly Diagnostic[] => (f.problem === undefined ? [] : [f.problem])));
  const rows = machineRows();
  return ok({
    json: {
      machine: Object.fromEntries(rows),
      backends: examined.map((e) => ({
        backend: e.backend,
        facts: e.facts.map((f) => ({ name: f.name, value: f.value, ok: f.problem === undefined })),
      })),
      missing: problems.map(diagnosticJson),
    },
    text: `${formatFacts([
      ...rows,
      ...examined.flatMap((e) => e.facts.map((f) => [`${e.backend}: ${f.name}`, f.value] as const)),
      [
        'missing',
        problems.length === 0 ? 'nothing' : `${problems.length}, told above; wasm and reference run without, and give the same bytes`,
      ],
    ])}`,
    warnings: problems,
  });
};
