import type { ArchitectureName } from './networks/architectures.ts';
import type { Target } from './ours.ts';

/** What a row has to reach; `wish` would be better still. */
export interface Goal {
  readonly least: number;
  readonly wish?: number;
}

type Goals = Readonly<Partial<Record<ArchitectureName, Goal>>>;

/** Throughput against a peer's, by target and the label of the peer (issue "CPU kernels close to the machine's limit"). */
const AGAINST: Readonly<Record<Target, { readonly peer: string; readonly goals: Goals }>> = {
  native: {
    peer: 'onnxruntime int8',
    goals: {
      squeezenet: { least: 1, wish: 1.3 },
      resnet50: { least: 1, wish: 1.3 },
      'mobilenet-v1': { least: 1.5 },
      'mobilenet-v2': { least: 1.5 },
    },
  },
  wasm: {
    peer: 'onnxruntime-web int8',
    goals: { squeezenet: { least: 2 }, resnet50: { least: 2 }, 'mobilenet-v1': { least: 2 }, 'mobilenet-v2': { least: 2 } },
  },
};

export const goalAgainst = (target: Target, peer: string, network: ArchitectureName): Goal | undefined =>
  AGAINST[target].peer === peer ? AGAINST[target].goals[network] : undefined;

/** The two columns of a row: `>= 1 (wish 1.3)`, and whether the value reaches it. */
export const goalCells = (goal: Goal | undefined, value: number): { readonly goal?: string; readonly met?: boolean } =>
  goal === undefined ? {} : { goal: `>= ${goal.least}${goal.wish === undefined ? '' : ` (wish ${goal.wish})`}`, met: value >= goal.least };

/** Rates and times that cvm-runtime published: it is not run here. */
export const CVM_RUNTIME = {
  /** 10^9 multiply-accumulates a second of one core: the best of the plain int8 path's 6 to 10. */
  gmacs: 10,
  goal: { least: 5 },
  text: '6 to 10 GMAC/s a core (13 to 55 with its AVX2 path)',
} as const;

/** Milliseconds on a Xeon E5-2650, threads unsaid (README of github.com/CortexFoundation/cvm-runtime, "Performance"). */
const CVM_README_MS: Readonly<Partial<Record<ArchitectureName, number>>> = {
  squeezenet: 89.5,
  resnet50: 342.9,
  'mobilenet-v1': 148.3,
  vgg19: 751.3,
};

/** What stands for cvm-runtime in a row about a network that takes us so many milliseconds. */
export const cvmText = (name: ArchitectureName, ms: number): string => {
  const published = CVM_README_MS[name];
  const own = published === undefined ? '' : `; its README: ${published} ms on a Xeon E5-2650, ${(published / ms).toFixed(1)} times ours`;
  return `published: ${CVM_RUNTIME.text}${own}`;
};
