import type { ArchitectureName } from '../cpu/networks/architectures.ts';
import { interleave } from '../cpu/interleave.ts';
import { absence, compileOurs, TARGETS, type Target } from '../cpu/ours.ts';
import { isCached } from '../cpu/prepare.ts';
import { gmacs } from '../cpu/text.ts';
import { attempt, type Bench } from '../rows.ts';
import { type Network, prepareNetwork } from './cpu-throughput.ts';

const SECONDS = 4;
const QUICK_SECONDS = 2;
const TWO_THREADS = 1.8;
const FLAT = 0.2;
const ONCE = { batch: 1 } as const;

const threadsOf = async (bench: Bench, target: Target, network: Network): Promise<void> => {
  const { program, samples, expected, title } = network;
  const one = await compileOurs(program, { target, threads: 1, ...ONCE }, samples, expected);
  const two = await compileOurs(program, { target, threads: 2, ...ONCE }, samples, expected);
  const rounds = await interleave([one, two], { seconds: bench.quick ? QUICK_SECONDS : SECONDS });
  const ratio = rounds.ratio(two, one);
  bench.row({
    name: `scaling, ${title}, ${target}: 2 threads against 1`,
    value: ratio,
    unit: 'x',
    peer: `${rounds.ms(one).toPrecision(3)} ms and ${rounds.ms(two).toPrecision(3)} ms`,
    goal: `>= ${TWO_THREADS}`,
    met: ratio >= TWO_THREADS,
  });
  one.close();
  two.close();
};

/** Time of a multiply-accumulate of the large network against the small one's. */
const flatness = async (bench: Bench, target: Target, small: Network, large: Network): Promise<void> => {
  const [a, b] = [
    await compileOurs(small.program, { target, threads: 1, ...ONCE }, small.samples, small.expected),
    await compileOurs(large.program, { target, threads: 1, ...ONCE }, large.samples, large.expected),
  ];
  const rounds = await interleave([a, b], { seconds: bench.quick ? QUICK_SECONDS : SECONDS });
  const ratio = (rounds.ratio(a, b) * small.macs) / large.macs;
  const speeds = [gmacs(small.macs, rounds.ms(a)), gmacs(large.macs, rounds.ms(b))].map((s) => s.toFixed(1));
  bench.row({
    name: `scaling, ${target}: cost of a multiply-accumulate, ${large.title} against ${small.title}`,
    value: ratio,
    unit: 'x',
    peer: `${speeds.join(' and ')} GMAC/s`,
    goal: `${1 - FLAT} to ${1 + FLAT}`,
    met: ratio >= 1 - FLAT && ratio <= 1 + FLAT,
  });
  a.close();
  b.close();
};

const isPrepared = (name: ArchitectureName): boolean => isCached(`models/${name}.onnx`);

/** How speed holds with size and with threads. */
export const scaling = async (bench: Bench): Promise<void> => {
  const resnet = await prepareNetwork(bench, 'resnet50');
  const withVgg = !bench.quick || isPrepared('vgg19');
  const [small, large] = withVgg ? [await prepareNetwork(bench, 'squeezenet'), await prepareNetwork(bench, 'vgg19')] : [];
  for (const target of TARGETS) {
    const missing = absence(target);
    if (missing !== undefined) {
      bench.row({ name: `scaling, ${target}`, unit: 'x', skipped: missing });
      continue;
    }
    await attempt(bench, `scaling, threads, ${target}`, () => threadsOf(bench, target, resnet));
    if (small === undefined || large === undefined)
      bench.row({ name: `scaling, ${target}: VGG-19 against SqueezeNet 1.1`, unit: 'x', skipped: '--quick, and VGG-19 was not made yet' });
    else await attempt(bench, `scaling, sizes, ${target}`, () => flatness(bench, target, small, large));
  }
};
