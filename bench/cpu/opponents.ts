import { median } from '../rows.ts';
import type { Contender } from './interleave.ts';
import { Peer, type PeerName, type PeerRun, providePeer } from './peers.ts';
import { quantizedByOnnxruntime } from './prepare.ts';

/** A peer with one form of the model. */
export interface Opponent {
  readonly peer: PeerName;
  readonly form: 'float32' | 'int8';
  readonly label: string;
}

export const OPPONENTS: readonly Opponent[] = [
  { peer: 'onnxruntime', form: 'int8', label: 'onnxruntime int8' },
  { peer: 'onnxruntime', form: 'float32', label: 'onnxruntime float32' },
  { peer: 'web', form: 'int8', label: 'onnxruntime-web int8' },
  { peer: 'web', form: 'float32', label: 'onnxruntime-web float32' },
  { peer: 'tract', form: 'float32', label: 'tract float32' },
  { peer: 'tract', form: 'int8', label: 'tract int8' },
  { peer: 'tvm', form: 'float32', label: 'TVM float32, untuned' },
];

/**
 * The quantizer's ways that are tried; the fastest on this machine counts. int8 activations as QOperator are left out: the tool itself warns of
 * their speed (7 times slower here).
 */
const WAYS = ['qdq-u8s8', 'qdq-s8s8', 'qoperator-u8s8'] as const;

/** The model in every way of the quantizer, made the first time. */
export const quantizedForms = (model: string): ReadonlyMap<string, string> => quantizedByOnnxruntime(model, WAYS);

/** A peer that is running; `label` says which form it runs. */
export interface Running {
  readonly opponent: Opponent;
  readonly label: string;
  readonly contender: Contender;
  readonly close: () => void;
}

export type Started = Running | { readonly opponent: Opponent; readonly missing: string };

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The fastest way by peer, model and number of threads. */
const best = new Map<string, string>();

/** Runs beyond this are clear after one. */
const LONG_MS = 400;

const millisecondsOf = async (peer: Peer): Promise<number> => {
  const first = median(await peer.times(1));
  return first > LONG_MS ? first : median((await peer.times(6)).slice(2));
};

/** Starts the peer on every way that it can run, and keeps the fastest. */
const startFastest = async (
  words: readonly string[],
  run: PeerRun,
  key: string,
): Promise<{ readonly way: string; readonly peer: Peer }> => {
  const files = quantizedForms(run.model);
  const known = best.get(key);
  let winner: { readonly way: string; readonly peer: Peer; readonly ms: number } | undefined;
  let failure = '';
  for (const [way, model] of files) {
    if (known !== undefined && way !== known) continue;
    try {
      const peer = await Peer.start(words, { ...run, model });
      const ms = known === undefined ? await millisecondsOf(peer) : 0;
      const [kept, dropped] = winner === undefined || ms < winner.ms ? [{ way, peer, ms }, winner] : [winner, { peer }];
      dropped?.peer.close();
      winner = kept;
    } catch (error) {
      failure = `${way}: ${reasonOf(error)}`;
    }
  }
  if (winner === undefined) throw new Error(failure);
  best.set(key, winner.way);
  return winner;
};

/**
 * Starts a peer on a float32 ONNX model or what its quantizer makes of it.
 * @param once - looks for the fastest way once for a model, not again for each number of threads
 */
export const startOpponent = async (opponent: Opponent, run: PeerRun, once: boolean): Promise<Started> => {
  const provided = providePeer(opponent.peer);
  if ('missing' in provided) return { opponent, missing: provided.missing };
  try {
    // what is fastest for an image is fastest for a batch
    const key = `${opponent.peer} ${run.model}${once ? '' : ` ${run.threads}`}`;
    const { way, peer } =
      opponent.form === 'float32'
        ? { way: undefined, peer: await Peer.start(provided.words, run) }
        : await startFastest(provided.words, run, key);
    const label = way === undefined ? peer.name : `${peer.name} (${way})`;
    return { opponent, label, contender: peer, close: () => peer.close() };
  } catch (error) {
    return { opponent, missing: `cannot run it: ${reasonOf(error)}` };
  }
};
