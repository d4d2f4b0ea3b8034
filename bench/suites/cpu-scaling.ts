import { type Contender, interleave, type Rounds } from '../cpu/interleave.ts';
import { type Network, networkOf } from '../cpu/network.ts';
import { absence, compileOurs, type Ours, TARGETS, type Target } from '../cpu/ours.ts';
import type { Step } from '../cpu/steps.ts';
import { gmacs, msText, ratioText } from '../cpu/text.ts';
import type { Bench } from '../rows.ts';
import { bytesRow } from './cpu-throughput.ts';

const SECONDS = 4;
const QUICK_SECONDS = 2;
const TWO_THREADS = 1.8;
const FLAT = 0.2;
/** Warming up two programs, VGG-19 among them. */
const START_SECONDS = 4;
const ONCE = { batch: 1 } as const;

const secondsFor = (bench: Bench): number => (bench.quick ? QUICK_SECONDS : SECONDS);

/** Times two programs against each other, and tells of both whether the bytes were right. */
const against = async (
  bench: Bench,
  [a, b]: readonly [Ours, Ours],
  names: readonly [string, string],
  tell: (rounds: Rounds) => void,
): Promise<void> => {
  const failed = (rounds: Rounds, contender: Contender): void => {
    const failure = rounds.failure(contender);
    if (failure !== undefined) throw new Error(`${contender.name}: ${failure}`);
  };
  try {
    const rounds = await interleave([a, b], { seconds: secondsFor(bench), threads: 2 });
    failed(rounds, a);
    failed(rounds, b);
    tell(rounds);
    bytesRow(bench, names[0], a);
    bytesRow(bench, names[1], b);
  } finally {
    a.close();
    b.close();
  }
};

const threadsOf = async (bench: Bench, target: Target): Promise<void> => {
  const network = await networkOf(bench, 'resnet50');
  const one = await compileOurs(network, { target, threads: 1, ...ONCE });
  const two = await compileOurs(network, { target, threads: 2, ...ONCE });
  const title = `scaling, ${network.title}, ${target}`;
  await against(bench, [one, two], [`${title}, 1 thread`, `${title}, 2 threads`], (rounds) => {
    const ratio = rounds.ratio(two, one);
    bench.row({
      name: `${title}: 2 threads against 1`,
      value: ratio.median,
      unit: 'x',
      peer: `${msText(rounds.ms(one))} and ${msText(rounds.ms(two))}; ${ratioText(ratio)}`,
      goal: `>= ${TWO_THREADS}`,
      met: ratio.median >= TWO_THREADS,
    });
  });
};

/** Time of a multiply-accumulate of the large network against the small one's. */
const flatness = async (bench: Bench, target: Target): Promise<void> => {
  const [small, large]: readonly [Network, Network] = [await networkOf(bench, 'squeezenet'), await networkOf(bench, 'vgg19')];
  const a = await compileOurs(small, { target, threads: 1, ...ONCE });
  const b = await compileOurs(large, { target, threads: 1, ...ONCE });
  const title = `scaling, ${target}`;
  await against(bench, [a, b], [`${title}, ${small.title}`, `${title}, ${large.title}`], (rounds) => {
    const times = rounds.ratio(a, b);
    const ratio = (times.median * small.macs) / large.macs;
    const speeds = [gmacs(small.macs, rounds.ms(a)), gmacs(large.macs, rounds.ms(b))].map((s) => s.toFixed(1));
    bench.row({
      name: `${title}: cost of a multiply-accumulate, ${large.title} against ${small.title}`,
      value: ratio,
      unit: 'x',
      peer: `${speeds.join(' and ')} GMAC/s nominal: below the goal is the large network cheaper; time ${ratioText(times)}`,
      goal: `${1 - FLAT} to ${1 + FLAT}`,
      met: ratio >= 1 - FLAT && ratio <= 1 + FLAT,
    });
  });
};

/** How speed holds with threads and with size. */
export const scalingSteps = (bench: Bench): readonly Step[] =>
  TARGETS.flatMap((target) =>
    (
      [
        [`scaling, threads, ${target}`, threadsOf],
        [`scaling, sizes, ${target}`, flatness],
      ] as const
    ).map(([name, part]): Step => {
      const missing = absence(target);
      const run = async (told: Bench): Promise<void> => {
        if (missing === undefined) await part(told, target);
        else told.row({ name, unit: 'x', skipped: missing });
      };
      return { name, seconds: 2 * secondsFor(bench) + START_SECONDS, run };
    }),
  );
