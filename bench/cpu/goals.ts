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

/** What nobody can run again here, as published. */
export const CVM_RUNTIME = {
  /** 10^9 multiply-accumulates a second of one core: the best of the plain int8 path's 6 to 10. */
  gmacs: 10,
  goal: { least: 5 },
  text: 'published: 6 to 10 GMAC/s a core (13 to 55 with its AVX2 path); its README: ResNet-50 v1 in 343 ms on a Xeon E5-2650',
} as const;
