import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bringFromPeers, type DevNode, Follower, joinChain } from '../../../node/index.ts';
import { diagnostic, type Diagnostic, type Result, messageOf } from '../../../support/index.ts';
import { visible } from '../../text.ts';

export interface FollowArgs {
  /** URLs of nodes to follow. */
  readonly peer?: readonly string[] | undefined;
  readonly exitOnMismatch?: boolean | undefined;
  /** Folder for what is found when nodes disagree. */
  readonly mismatch?: string | undefined;
}

/** What the folder of a mismatch is called when nobody says. */
const FOLDER = 'cortexc-mismatch';

/** The time of the genesis of the peers; undefined when there is none, or the waiting was ended. */
export const genesisOfPeers = async (
  peers: readonly string[],
  chainId: number,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<Result<{ readonly genesisTime: number } | undefined>> => joinChain(peers, chainId, signal, (line) => tell(visible(line)));

export interface Following {
  /** Why following ended, unless it was asked to. */
  readonly ended: Promise<Diagnostic | undefined>;
  readonly stop: () => Promise<void>;
}

/**
 * Follows peers; what is found when they disagree is written down.
 * @param bringPackage - brings a package in parts; what it does not bring, inputs among it, is asked of the peers as a whole
 */
export const followPeers = (
  node: DevNode,
  args: FollowArgs,
  cwd: string,
  bringPackage: (hash: Uint8Array) => Promise<boolean>,
  tell: (line: string) => void,
): Following => {
  const whole = bringFromPeers(node, (line) => tell(visible(line)));
  const follower = new Follower(node, {
    peers: args.peer ?? [],
    tell: (line) => tell(visible(line)),
    bring: async (missing, peers) => {
      if (!(await bringPackage(missing.hash))) await whole(missing, peers);
    },
  });
  node.metrics.watch('peers', () => follower.followed);
  const run = async (): Promise<Diagnostic | undefined> => {
    const { reason, finding } = await follower.run();
    if (reason === undefined) return undefined;
    for (const note of [reason.message, ...(reason.notes ?? [])]) tell(`${reason.code}: ${visible(note)}`);
    if (finding === undefined || finding.files.size === 0) return reason;
    const folder = join(resolve(cwd, args.mismatch ?? FOLDER), `block-${finding.block.number}`);
    try {
      mkdirSync(folder, { recursive: true });
      for (const [name, bytes] of finding.files) writeFileSync(join(folder, name), bytes);
      tell(`program, inputs and both outputs: ${visible(folder)}`);
    } catch (error) {
      tell(`the report cannot be written to ${visible(folder)}: ${visible(messageOf(error))}`);
    }
    return reason;
  };
  const ended = run().catch((error: unknown) => diagnostic('NOD0055', `following ended: ${visible(messageOf(error))}`));
  return {
    ended,
    stop: async () => {
      follower.stop();
      await ended;
    },
  };
};
