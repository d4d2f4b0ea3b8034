import { macsOfProgram } from '../../src/backends/index.ts';
import { elementCount, type Program } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { interleave } from '../cpu/interleave.ts';
import { ARCHITECTURES, type ArchitectureName, onnxOf } from '../cpu/networks/architectures.ts';
import { type Opponent, OPPONENTS, type Running, startOpponent } from '../cpu/opponents.ts';
import { absence, compileOurs, digestsOf, type Ours, type Spec, type Target, TARGETS } from '../cpu/ours.ts';
import { inputFile, knowsReference, modelFile, packageOf, programOf, referenceDigest, samplesOf } from '../cpu/prepare.ts';
import { gmacs, howText, speedText } from '../cpu/text.ts';
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
] as const satisfies readonly ArchitectureName[];
/** What --quick measures: the networks that goals are set on. */
const QUICK_NETWORKS: readonly ArchitectureName[] = ['squeezenet', 'resnet50', 'mobilenet-v1', 'mobilenet-v2'];
const ALL_HOWS: readonly How[] = [1, 8].flatMap((batch) => [1, 2].map((threads) => ({ threads, batch })));
const SECONDS = 3;
const QUICK_SECONDS = 0.8;

interface Goal {
  readonly least: number;
  /** What would be better still. */
  readonly wish?: number;
}

/** Throughput against a peer's, by target, peer and network (issue "CPU kernels close to the machine's limit"). */
const GOALS: Readonly<Record<string, Readonly<Partial<Record<ArchitectureName, Goal>>>>> = {
  'native / onnxruntime int8': {
    squeezenet: { least: 1, wish: 1.3 },
    resnet50: { least: 1, wish: 1.3 },
    'mobilenet-v1': { least: 1.5 },
    'mobilenet-v2': { least: 1.5 },
  },
  'wasm / onnxruntime-web int8': {
    squeezenet: { least: 2 },
    resnet50: { least: 2 },
    'mobilenet-v1': { least: 2 },
    'mobilenet-v2': { least: 2 },
  },
};

/** What nobody can run again here, as published. */
const CVM_RUNTIME = {
  text: 'cvm-runtime 6 to 10 GMAC/s a core (published; its README: ResNet-50 v1 in 343 ms on a Xeon E5-2650)',
  gmacs: 10,
  times: 5,
} as const;

export interface Network {
  readonly name: ArchitectureName;
  readonly title: string;
  readonly model: string;
  readonly program: Program;
  /** Of one sample. */
  readonly macs: number;
  readonly samples: ReturnType<typeof samplesOf>;
  /** Digest of the results of each sample. */
  readonly expected: readonly string[];
}

/** The file of a network, whether or not it is there yet. */
const modelName = (name: ArchitectureName): string => `models/${name}.onnx`;

/** Makes model, package and expected results, or takes them from an earlier run. */
export const prepareNetwork = async (bench: Bench, name: ArchitectureName): Promise<Network> => {
  bench.say(`${name}: model and package`);
  const model = modelFile(modelName(name), () => onnxOf(name).bytes);
  const program = programOf(packageOf(model));
  const samples = samplesOf(program);
  return {
    name,
    title: ARCHITECTURES[name].title,
    model,
    program,
    macs: macsOfProgram(program),
    samples,
    expected: await digestsOf(program, samples),
  };
};

/** Compares the first sample's results with the reference's. Big networks take it minutes once: --quick does without. */
const checkReference = async (bench: Bench, { title, name, program, expected }: Network): Promise<void> => {
  const row = { name: `${title}: bytes of wasm and reference`, unit: '', goal: 'same' };
  if (bench.quick && !knowsReference(program) && name === 'vgg19') return bench.row({ ...row, skipped: '--quick, and no earlier run' });
  bench.say(`${name}: reference`);
  const same = (await referenceDigest(program)) === at(expected, 0);
  bench.row({ ...row, value: same ? 'same' : 'DIFFERENT', met: same });
};

/** Which peers take part. All of them once; to the other combinations only those that goals are set against. */
const opponentsFor = (bench: Bench, how: How, name: ArchitectureName): readonly Opponent[] => {
  const first = how.threads === 1 && how.batch === 1;
  if (first && (!bench.quick || name === 'squeezenet')) return OPPONENTS;
  return OPPONENTS.filter(({ peer, form }) =>
    bench.quick ? form === 'int8' && peer !== 'tract' : peer !== 'tvm' && (first || peer !== 'tract'),
  );
};

const ratioRow = (bench: Bench, network: Network, how: How, target: Target, opponent: Opponent, ratio: number, peer: string): void => {
  const goal = GOALS[`${target} / ${opponent.label}`]?.[network.name];
  bench.row({
    name: `${network.title}, ${howText(how)}: ${target} against ${opponent.label}`,
    value: ratio,
    unit: 'x',
    peer,
    ...(goal === undefined
      ? {}
      : { goal: `>= ${goal.least}${goal.wish === undefined ? '' : ` (wish ${goal.wish})`}`, met: ratio >= goal.least }),
  });
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
      const ours = await compileOurs(network.program, { target, ...how }, network.samples, network.expected);
      const exact = ours.isExact();
      bench.row({ name: `${name}: bytes`, value: exact ? 'same' : 'DIFFERENT', unit: '', goal: 'same', met: exact });
      for (const w of ours.executable.warnings ?? []) bench.say(`${name}: ${w.message}`);
      found.push(ours);
    });
  }
  return found;
};

const measure = async (bench: Bench, network: Network, how: How): Promise<void> => {
  const macs = network.macs * how.batch;
  const ours = await compileAll(bench, network, how);
  const input = inputFile(how.batch * elementCount(ARCHITECTURES[network.name].input));
  const running: Running[] = [];
  try {
    for (const opponent of opponentsFor(bench, how, network.name)) {
      const started = await startOpponent(opponent, { model: network.model, input, ...how });
      if ('missing' in started)
        bench.row({ name: `${network.title}, ${howText(how)}: ${opponent.label}`, unit: 'x', skipped: started.missing });
      else running.push(started);
    }
    const seconds = bench.quick ? QUICK_SECONDS : SECONDS;
    const rounds = await interleave([...ours, ...running.map((r) => r.contender)], { seconds });
    for (const mine of ours) {
      const target = mine.name === 'native' ? 'native' : 'wasm';
      const [ms, speed] = [rounds.ms(mine), gmacs(macs, rounds.ms(mine))];
      const cvm = target === 'native' && how.threads === 1 ? CVM_RUNTIME : undefined;
      bench.row({
        name: `${network.title}, ${howText(how)}: ${target}`,
        value: speed,
        unit: 'GMAC/s',
        peer: `${ms.toPrecision(3)} ms${cvm === undefined ? '' : `; ${cvm.text}`}`,
        ...(cvm === undefined ? {} : { goal: `>= ${cvm.times} x ${cvm.gmacs}`, met: speed >= cvm.times * cvm.gmacs }),
      });
      for (const { opponent, label, contender } of running)
        ratioRow(
          bench,
          network,
          how,
          target,
          opponent,
          rounds.ratio(mine, contender),
          `${label}: ${speedText(macs, rounds.ms(contender))}`,
        );
    }
  } finally {
    for (const r of running) r.close();
    for (const mine of ours) mine.close();
  }
};

/** Every combination that is measured: both threads once, batches on the smallest network only with --quick. */
const howsFor = (bench: Bench, name: ArchitectureName): readonly How[] =>
  bench.quick ? ALL_HOWS.filter(({ threads, batch }) => batch === 1 || (threads === 1 && name === 'squeezenet')) : ALL_HOWS;

/** Throughput of the backends against the peers'. */
export const throughput = async (bench: Bench): Promise<void> => {
  for (const name of NETWORKS) {
    if (!bench.wants(name)) continue;
    if (bench.quick && !QUICK_NETWORKS.includes(name)) {
      bench.row({ name: ARCHITECTURES[name].title, unit: '', skipped: '--quick' });
      continue;
    }
    await attempt(bench, name, async () => {
      const network = await prepareNetwork(bench, name);
      await checkReference(bench, network);
      for (const how of howsFor(bench, name)) await attempt(bench, `${network.title}, ${howText(how)}`, () => measure(bench, network, how));
    });
  }
};
