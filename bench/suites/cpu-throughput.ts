import { elementCount, isStaticType, typeOf } from '../../src/ir/index.ts';
import { CVM_RUNTIME, cvmText, goalAgainst, goalCells } from '../cpu/goals.ts';
import { interleave, type Rounds } from '../cpu/interleave.ts';
import { type Network, networkOf } from '../cpu/network.ts';
import { ARCHITECTURES, type ArchitectureName } from '../cpu/networks/architectures.ts';
import { type Opponent, OPPONENTS, type Running, startOpponent } from '../cpu/opponents.ts';
import { absence, compileOurs, type Ours, type Spec, TARGETS } from '../cpu/ours.ts';
import { inputFile } from '../cpu/prepare.ts';
import type { Step } from '../cpu/steps.ts';
import { gmacs, howText, msText, ratioText, speedText } from '../cpu/text.ts';
import { attempt, type Bench } from '../rows.ts';

type How = Pick<Spec, 'threads' | 'batch'>;

const NETWORKS = [
  'squeezenet',
  'resnet50',
  'mobilenet-v1',
  'mobilenet-v2',
  'inception-v2',
  'vgg19',
  'lenet',
  'tiny-resnet8',
  'tiny-kws',
  'tiny-ad',
  'tiny-vww',
] as const satisfies readonly ArchitectureName[];
/** What --quick measures: the networks that goals are set on. */
const QUICK_NETWORKS: readonly ArchitectureName[] = ['squeezenet', 'resnet50', 'mobilenet-v1', 'mobilenet-v2'];
const ALL_HOWS: readonly How[] = [1, 8].flatMap((batch) => [1, 2].map((threads) => ({ threads, batch })));
/** Time of a contender: networks of milliseconds need less for as many rounds. */
const SECONDS = 1.5;
const SMALL_SECONDS = 0.5;
const QUICK_SECONDS = 0.8;
/** Without tuning TVM takes 20 seconds for one run of these. */
const TOO_LONG_FOR_TVM: readonly ArchitectureName[] = ['vgg19'];
/** Starting a peer and warming it up. */
const START_SECONDS = 2;

/** Nobody published rates on networks this small. */
const isSmall = (name: ArchitectureName): boolean => 'small' in ARCHITECTURES[name];

/** Networks that take part, and those that --quick leaves out. */
export const networksFor = (
  bench: Bench,
): { readonly measured: readonly ArchitectureName[]; readonly left: readonly ArchitectureName[] } => {
  const wanted = NETWORKS.filter((name) => bench.wants(name));
  const measured = wanted.filter((name) => !bench.quick || QUICK_NETWORKS.includes(name));
  return { measured, left: wanted.filter((name) => !measured.includes(name)) };
};

/** Every combination that is measured: with --quick, batches on the smallest network only. */
export const howsFor = (bench: Bench, name: ArchitectureName): readonly How[] =>
  bench.quick ? ALL_HOWS.filter(({ threads, batch }) => batch === 1 || (threads === 1 && name === 'squeezenet')) : ALL_HOWS;

/**
 * Which peers take part: all of them once; in the other combinations those that goals are set against, and the float form of the native one.
 */
export const opponentsFor = (bench: Bench, how: How, name: ArchitectureName): readonly Opponent[] => {
  const first = how.threads === 1 && how.batch === 1;
  if (first && (!bench.quick || name === 'squeezenet'))
    return OPPONENTS.filter(({ peer }) => peer !== 'tvm' || !TOO_LONG_FOR_TVM.includes(name));
  return OPPONENTS.filter(({ peer, form }) =>
    form === 'int8' ? peer === 'onnxruntime' || peer === 'web' : peer === 'onnxruntime' && !bench.quick,
  );
};

/** Our backends that can run it, compiled; what cannot is a row. */
const compileAll = async (bench: Bench, network: Network, how: How): Promise<readonly Ours[]> => {
  const found: Ours[] = [];
  for (const target of TARGETS) {
    const name = `${network.title}, ${howText(how)}: ${target}`;
    const missing = absence(target);
    if (missing !== undefined) {
      bench.row({ name, unit: 'GMAC/s', skipped: missing });
      continue;
    }
    await attempt(bench, name, async () => {
      const ours = await compileOurs(network, { target, ...how });
      for (const w of ours.executable.warnings ?? []) bench.say(`${name}: ${w.message}`);
      found.push(ours);
    });
  }
  return found;
};

const startAll = async (bench: Bench, name: ArchitectureName, network: Network, how: How): Promise<readonly Running[]> => {
  const running: Running[] = [];
  const [port] = network.program.inputs;
  const type = port === undefined ? undefined : typeOf(network.program, port.value);
  if (type === undefined || !isStaticType(type)) throw new Error(`${network.title} has no input of known shape`);
  const input = inputFile(how.batch * elementCount(type.shape));
  for (const opponent of opponentsFor(bench, how, name)) {
    bench.say(`${network.title}, ${howText(how)}: starting ${opponent.label}`);
    const started = await startOpponent(opponent, { model: network.model, input, ...how }, bench.quick);
    if ('missing' in started) {
      const target = TARGETS.find((t) => goalAgainst(t, opponent.label, name) !== undefined);
      const goal = target === undefined ? undefined : goalAgainst(target, opponent.label, name);
      const against = `${target === undefined ? '' : `${target} against `}${opponent.label}`;
      bench.row({
        name: `${network.title}, ${howText(how)}: ${against}`,
        unit: 'x',
        skipped: started.missing,
        ...(goal === undefined ? {} : { goal: `>= ${goal.least}` }),
      });
    } else running.push(started);
  }
  if (TOO_LONG_FOR_TVM.includes(name) && !bench.quick && how.threads === 1 && how.batch === 1)
    bench.row({ name: `${network.title}, ${howText(how)}: TVM`, unit: 'x', skipped: 'untuned, a run takes it 20 seconds' });
  return running;
};

/** Whether every run, timed or for warming up, gave the bytes of the reference. */
export const bytesRow = (bench: Bench, name: string, ours: Ours): void => {
  const { runs, wrong } = ours.verdict();
  const value = wrong === 0 ? 'same' : 'DIFFERENT';
  bench.row({
    name: `${name}: bytes of reference`,
    value,
    unit: '',
    goal: 'same',
    met: wrong === 0,
    peer: `${runs} runs, ${wrong} differ`,
  });
};

interface Told {
  readonly name: ArchitectureName;
  readonly network: Network;
  readonly how: How;
  readonly rounds: Rounds;
}

const tellOurs = (bench: Bench, { name, network, how, rounds }: Told, mine: Ours, running: readonly Running[]): void => {
  const title = `${network.title}, ${howText(how)}: ${mine.name}`;
  const failure = rounds.failure(mine);
  if (failure !== undefined) throw new Error(`${title}: ${failure}`);
  const macs = network.macs * how.batch;
  const ms = rounds.ms(mine);
  const speed = gmacs(macs, ms);
  bench.row({ name: title, value: speed, unit: 'GMAC/s', peer: msText(ms) });
  if (mine.name === 'native' && how.threads === 1 && !isSmall(name)) {
    const value = speed / CVM_RUNTIME.gmacs;
    bench.row({
      name: `${title} against cvm-runtime`,
      value,
      unit: 'x',
      peer: cvmText(name, ms / how.batch),
      ...goalCells(CVM_RUNTIME.goal, value),
    });
  }
  for (const { opponent, label, contender } of running) {
    if (rounds.failure(contender) !== undefined) continue;
    const ratio = rounds.ratio(mine, contender);
    bench.row({
      name: `${title} against ${opponent.label}`,
      value: ratio.median,
      unit: 'x',
      peer: `${label}: ${speedText(macs, rounds.ms(contender))}; ${ratioText(ratio)}`,
      ...goalCells(goalAgainst(mine.target, opponent.label, name), ratio.median),
    });
  }
  bytesRow(bench, title, mine);
};

const secondsFor = (bench: Bench, name: ArchitectureName): number =>
  bench.quick ? QUICK_SECONDS : isSmall(name) ? SMALL_SECONDS : SECONDS;

const measure = async (bench: Bench, name: ArchitectureName, how: How): Promise<void> => {
  const network = await networkOf(bench, name);
  const ours = await compileAll(bench, network, how);
  let running: readonly Running[] = [];
  try {
    running = await startAll(bench, name, network, how);
    bench.say(`${network.title}, ${howText(how)}: ${ours.length + running.length} in turn`);
    const rounds = await interleave([...ours, ...running.map((r) => r.contender)], {
      seconds: secondsFor(bench, name),
      threads: how.threads,
    });
    for (const { opponent, contender } of running) {
      const failure = rounds.failure(contender);
      if (failure !== undefined)
        bench.row({ name: `${network.title}, ${howText(how)}: ${opponent.label}`, unit: 'x', skipped: `dropped out: ${failure}` });
    }
    for (const mine of ours)
      await attempt(bench, `${network.title}, ${howText(how)}: ${mine.name}`, async () =>
        tellOurs(bench, { name, network, how, rounds }, mine, running),
      );
  } finally {
    for (const r of running) r.close();
    for (const mine of ours) mine.close();
  }
};

/** Throughput of the backends against the peers', a step for each network and way of running it. */
export const throughputSteps = (bench: Bench): readonly Step[] =>
  networksFor(bench).measured.flatMap((name) =>
    howsFor(bench, name).map((how): Step => {
      const contenders = TARGETS.length + opponentsFor(bench, how, name).length;
      return {
        name: `${ARCHITECTURES[name].title}, ${howText(how)}`,
        seconds: contenders * (secondsFor(bench, name) + START_SECONDS),
        run: (told) => measure(told, name, how),
      };
    }),
  );
