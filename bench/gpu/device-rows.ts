import type { Bench } from '../rows.ts';
import type { Job, Outcome } from './device-jobs.ts';
import { networkTitle } from './networks/architectures.ts';

/** ResNet-152, the largest of the goals' networks, is emitted and compiled within these. */
const [EMISSION_GOAL_S, COMPILE_GOAL_S] = [5, 60];

/** Rows of a piece of preparation that has ended. */
export const jobRows = (bench: Bench, job: Job, outcome: Outcome, compiler: 'nvcc' | 'shim'): void => {
  const name = job.kind === 'expect' ? `${networkTitle(job.name)}, the CPU's bytes` : `${networkTitle(job.name)} b${job.batch}`;
  if ('problem' in outcome)
    return bench.row({ name, value: 'failed', unit: '', goal: 'runs', met: false, peer: outcome.problem.slice(0, 300) });
  const { facts } = outcome;
  if (!('emissionMs' in facts)) {
    bench.row({ name, value: facts.seconds, unit: 's', peer: facts.backend });
    const { other } = facts;
    if (other !== undefined)
      bench.row({
        name,
        value: other.same ? 'equal' : 'differ',
        unit: '',
        goal: 'equal',
        met: other.same,
        peer: `${facts.backend} and ${other.backend}`,
      });
    return;
  }
  const seconds = facts.emissionMs / 1000;
  const goal = job.name === 'resnet152';
  const detail = `${facts.launches} kernel starts, ${facts.modules} modules`;
  bench.row({
    name: `${name}, emission`,
    value: seconds,
    unit: 's',
    peer: detail,
    ...(goal ? { goal: `< ${EMISSION_GOAL_S}`, met: seconds < EMISSION_GOAL_S } : {}),
  });
  const compiling = facts.compileSeconds;
  if (compiling === undefined || compiler === 'shim') return;
  bench.row({
    name: `${name}, nvcc`,
    value: compiling,
    unit: 's',
    peer: 'beside the compilation of others',
    ...(goal ? { goal: `< ${COMPILE_GOAL_S}`, met: compiling < COMPILE_GOAL_S } : {}),
  });
};
