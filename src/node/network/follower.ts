import type { Block } from '@ethereumjs/block';
import type { TypedTransaction } from '@ethereumjs/tx';
import { bytesToHex } from '@ethereumjs/util';
import { diagnostic, type Diagnostic, sha256, toHex, messageOf } from '../../support/index.ts';
import type { Disagreement } from '../chain/chain.ts';
import { DataUnavailable } from '../evm/engine.ts';
import type { DevNode } from '../rpc/node.ts';
import { rejected } from '../rpc/rpc-error.ts';
import { headerProblem } from './header.ts';
import { describeChain, differenceOf } from './description.ts';
import { type Finding, investigate } from './investigate.ts';
import { type Described, Peer, PeerError } from './peer.ts';
import { Pause } from './pause.ts';

/** Brings an object that this node lacks; resolves when it tried: whether it is there is looked at again. */
export type Bring = (missing: DataUnavailable, peers: readonly Peer[]) => Promise<void>;

export interface FollowOptions {
  readonly peers: readonly string[];
  /** Told of what a person wants to know: one line. */
  readonly tell?: (line: string) => void;
  /** Milliseconds between two looks at a peer that had nothing new. */
  readonly pollMs?: number;
  readonly bring?: Bring;
}

/** Why a node follows no longer; it was asked to stop when there is no reason. */
export interface Stopped {
  readonly reason: Diagnostic | undefined;
  readonly finding?: Finding;
}

/** Blocks that are asked for at once. */
const BATCH = 64;
/** Answers that cannot be, one after the other, before a peer is given up. */
const MOST_LIES = 3;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 15_000;
/** A transaction that was given to the maker of blocks is waited for here for so long, so that who sent it finds it. */
const FORWARD_MS = 3_000;

/** Fetches an object whole from whichever peer has it; what comes is kept only under the hash of its bytes. */
export const bringFromPeers =
  (node: Pick<DevNode, 'objects'>, tell: (line: string) => void): Bring =>
  async ({ hash }, peers) => {
    for (const peer of peers)
      for (const kind of ['package', 'input'] as const)
        try {
          const bytes = await peer.object(kind, hash);
          if (bytes === undefined) continue;
          const wrong = `${peer.url} sent another ${kind} than ${toHex(hash)}`;
          if (kind === 'input') {
            if (toHex(sha256(bytes)) !== toHex(hash)) throw new PeerError('lying', wrong);
            await node.objects.putInput(bytes);
          } else {
            const kept = await node.objects.putPackage(bytes);
            if (typeof kept === 'string' || toHex(kept) !== toHex(hash)) throw new PeerError('lying', wrong);
          }
          return;
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          tell(`${kind} ${toHex(hash)}: ${error.message}`);
        }
  };

interface Followed {
  readonly peer: Peer;
  described?: Described;
  /** Highest block that it told of. */
  highest: number;
  failures: number;
  /** Answers that cannot be, since it was last right. */
  lies: number;
  /** Not to be asked before: milliseconds of the process's clock. */
  retryAt: number;
  /** Why it is asked no more. */
  dropped?: Diagnostic;
  told?: string;
}

/** Follows the chain of one or more peers: takes over their blocks when running them here gives the same. */
export class Follower {
  private readonly node: DevNode;
  private readonly options: FollowOptions;
  private readonly abort = new AbortController();
  private readonly peers: readonly Followed[];
  private readonly pause = new Pause();
  private readonly waiters = new Set<() => void>();
  private stopped = false;

  constructor(node: DevNode, options: FollowOptions) {
    this.node = node;
    this.options = options;
    this.peers = options.peers.map((url) => ({ peer: new Peer(url, this.abort.signal), highest: 0, failures: 0, lies: 0, retryAt: 0 }));
    node.forward = (tx) => this.forward(tx);
  }

  /** Follows until it is stopped, or no peer is left that can be followed. */
  async run(): Promise<Stopped> {
    while (!this.stopped) {
      const live = this.peers.filter((p) => p.dropped === undefined);
      if (live.length === 0) return { reason: this.peers[this.peers.length - 1]?.dropped };
      let progress = false;
      for (const followed of live) {
        if (this.stopped || performance.now() < followed.retryAt) continue;
        try {
          const done = await this.round(followed);
          if (typeof done !== 'boolean') return done;
          progress ||= done;
          followed.failures = 0;
          followed.lies = 0;
          delete followed.told;
        } catch (error) {
          if (this.stopped) break;
          if (!(error instanceof PeerError)) throw error;
          this.failed(followed, error);
        }
      }
      if (!progress && !this.stopped) await this.pause.wait(this.options.pollMs ?? 250);
    }
    return { reason: undefined };
  }

  /** Peers that are followed: those that answered and were not given up. */
  get followed(): number {
    return this.peers.filter((p) => p.dropped === undefined && p.described !== undefined).length;
  }

  /** Ends `run`; what is under way ends soon. The chain stays where it is. */
  stop(): void {
    this.stopped = true;
    this.abort.abort();
    this.pause.wake();
    this.wakeWaiters();
  }

  /** Looks at the peers at once. */
  wake(): void {
    this.pause.wake();
  }

  private tell(line: string): void {
    this.options.tell?.(line);
  }

  /** Asks a peer that failed later and later; the same reason is told once. */
  private failed(followed: Followed, error: PeerError): void {
    followed.failures++;
    if (error.kind === 'lying') followed.lies++;
    if (followed.lies >= MOST_LIES) {
      this.drop(followed, notBelieved(followed.peer.url, error.message));
      return;
    }
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(followed.failures - 1, 20));
    followed.retryAt = performance.now() + wait;
    // it may be another chain when it is back
    delete followed.described;
    if (followed.told === error.message) return;
    followed.told = error.message;
    this.tell(`${followed.peer.url}: ${error.message}`);
  }

  private drop(followed: Followed, reason: Diagnostic): false {
    followed.dropped = reason;
    this.tell(`${followed.peer.url} is followed no longer: ${reason.message}`);
    return false;
  }

  /** Takes what a peer has. @returns whether there was anything, or why this node stops */
  private async round(followed: Followed): Promise<boolean | Stopped> {
    const { peer } = followed;
    const { chain } = this.node;
    if (followed.described === undefined) {
      const described = await peer.describe();
      const genesis = await this.node.block('earliest');
      const other = differenceOf(describeChain(chain, genesis.hash()), described.agreed);
      if (other !== undefined) return this.drop(followed, otherChain(peer.url, other, described));
      followed.described = described;
      this.tell(`follows ${peer.url}: cortexc ${described.version}, backend ${described.backend}, block ${described.head}`);
    }
    const own = Number(chain.head.header.number);
    const { head, blocks } = await peer.blocks(chain, own, BATCH + 1);
    if (head < followed.highest) return this.drop(followed, wentBack(peer.url, followed.highest, head));
    followed.highest = head;
    const [same, ...next] = blocks;
    // behind this node, which follows another one as well
    if (same === undefined) return false;
    const [here, there] = [bytesToHex(chain.head.hash()), bytesToHex(same.hash())];
    if (here !== there) return this.drop(followed, forked(peer.url, own, here, there));
    // a block that is larger than an answer comes alone
    const rest = next.length > 0 || head <= own ? next : (await peer.blocks(chain, own + 1, 1)).blocks;
    for (const block of rest) {
      if (this.stopped) return false;
      const problem = headerProblem(chain, block);
      if (problem !== undefined) throw new PeerError('lying', `block ${block.header.number}: ${problem}`);
      const disagreement = await this.take(block);
      if (disagreement === 'stopped') return false;
      if (disagreement?.what === 'parent') throw new PeerError('lying', `block ${block.header.number} does not follow the one before it`);
      if (disagreement !== undefined) return this.disagree(followed, block, disagreement);
      this.wakeWaiters();
    }
    return rest.length > 0;
  }

  /** Accepts a block, as soon as the files are there that it needs. */
  private async take(block: Block): Promise<Disagreement | 'stopped' | undefined> {
    let wait = FIRST_WAIT_MS;
    let told = '';
    while (!this.stopped)
      try {
        return await this.node.timed(() => this.node.chain.accept(block));
      } catch (error) {
        if (!(error instanceof DataUnavailable)) throw error;
        if (told !== error.message) this.tell(`block ${block.header.number} waits: ${error.message}`);
        else await this.pause.wait(wait);
        wait = told === error.message ? Math.min(LONGEST_WAIT_MS, 2 * wait) : FIRST_WAIT_MS;
        told = error.message;
        const peers = this.peers.filter((p) => p.dropped === undefined).map((p) => p.peer);
        const bring = this.options.bring ?? bringFromPeers(this.node, (line) => this.tell(line));
        await bring(error, peers);
      }
    return 'stopped';
  }

  private async disagree(followed: Followed, block: Block, disagreement: Disagreement): Promise<Stopped> {
    const described = followed.described ?? { version: 'not told', backend: 'not told', head: 0, agreed: {} };
    this.tell(
      `block ${block.header.number} of ${followed.peer.url} is not what this node makes of it: looking for the first op that differs`,
    );
    const finding = await investigate(this.node, followed.peer, described, block, disagreement);
    const reason = diagnostic('NOD0053', `block ${block.header.number}: ${disagreement.what} is ${disagreement.found} here, and ${disagreement.expected} at ${followed.peer.url}`, {
      notes: [...finding.report.slice(2), 'This node keeps its own state. Compare the files of the report on a third backend: cortexc run --backend reference.'],
    }); // biome-ignore format: texts
    return { reason, finding };
  }

  /** Gives a transaction to a maker of blocks, and waits until the block with it is here. */
  private async forward(tx: TypedTransaction): Promise<Uint8Array> {
    let last = 'no peer is followed';
    for (const { peer, dropped } of this.peers) {
      if (dropped !== undefined) continue;
      try {
        const hash = await peer.submit(tx.serialize());
        this.wake();
        await this.until(bytesToHex(tx.hash()));
        return hash;
      } catch (error) {
        last = messageOf(error);
        if (error instanceof PeerError && error.kind === 'refused') break;
      }
    }
    throw rejected(last);
  }

  private async until(hash: string): Promise<void> {
    const end = performance.now() + FORWARD_MS;
    while (!this.stopped && performance.now() < end) {
      if ((await this.node.chain.transaction(hash)) !== undefined) return;
      await new Promise<void>((go) => {
        const timer = setTimeout(done, Math.max(1, end - performance.now()));
        const { waiters } = this;
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          go();
        }
        waiters.add(done);
      });
    }
  }

  private wakeWaiters(): void {
    for (const wake of this.waiters) wake();
  }
}

const otherChain = (url: string, { name, own, peer }: NonNullable<ReturnType<typeof differenceOf>>, { version }: Described): Diagnostic =>
  diagnostic('NOD0051', `${url} is a node of another chain: ${name} is ${own} here and ${peer} there`, {
    notes: [`The peer is cortexc ${version}. Start both with the same options and the same version, or follow another peer.`],
  });

const notBelieved = (url: string, message: string): Diagnostic =>
  diagnostic('NOD0055', `${url}: ${message}`, {
    notes: ['Is it a node of the same version? Follow another peer, or start the peer anew.'],
  });

const wentBack = (url: string, from: number, to: number): Diagnostic =>
  diagnostic('NOD0052', `${url} went back from block ${from} to block ${to}: evm_revert, or it lost its chain`, {
    notes: ['A node that follows keeps what it has accepted. Start it anew to follow the chain as it is now.'],
  });

const forked = (url: string, number: number, own: string, peer: string): Diagnostic =>
  diagnostic(
    'NOD0052',
    `block ${number} of ${url} is ${peer}, but here it is ${own}: the peer went back (evm_revert), or it is another chain`,
    {
      notes: ['A node that follows keeps what it has accepted. Start it anew to follow the chain as it is now.'],
    },
  );
