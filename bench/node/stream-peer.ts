import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at } from '../../src/support/index.ts';
import { type Map2d, OnnxGraph } from '../cpu/networks/graph.ts';
import { providePeer } from '../cpu/peers.ts';
import { ROOT } from '../data.ts';
import type { IntegerGraph } from '../gpu/networks/integer-graph.ts';
import { NETWORKS, type NetworkName } from '../gpu/networks/architectures.ts';

const FOLDER = join(ROOT, '.cache', 'bench-node');
const SCRIPT = join(ROOT, 'bench', 'peers', 'node', 'onnxruntime_stream.py');
const SEED = 5;

/** The networks in float32, without the local response normalization, which only CaffeNet has: the peer has a little less to do. */
class PeerGraph extends OnnxGraph {
  lrn(x: Map2d): Map2d {
    return x;
  }
}

const pathOf = (name: NetworkName): string => join(FOLDER, `${name}.onnx`);

/** The ONNX file of a network, made the first time: 2.1 GB for all eight, in minutes. */
export const peerModel = (name: NetworkName): string => {
  const path = pathOf(name);
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  const { title, input, build } = NETWORKS[name];
  const graph = new PeerGraph(title, input, SEED);
  // architectures are written with the methods that both kinds of graphs have
  const output = (build as (g: IntegerGraph) => Map2d)(graph as unknown as IntegerGraph);
  writeFileSync(`${path}.draft`, graph.model(output));
  renameSync(`${path}.draft`, path);
  return path;
};

/** The interpreter and the files, or why the peer is left out. */
export const peerModels = (names: readonly NetworkName[]): { readonly python: string; readonly paths: readonly string[] } | string => {
  const missing = names.filter((name) => !existsSync(pathOf(name)));
  if (missing.length > 0) return `there is no ONNX file of ${missing.join(', ')}: npm run bench -- node --prepare makes them in minutes`;
  const provided = providePeer('onnxruntime');
  return 'missing' in provided ? provided.missing : { python: at(provided.words, 0), paths: names.map(pathOf) };
};

/** onnxruntime in a process of its own (bench/peers/node/onnxruntime_stream.py). */
export class StreamPeer {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined);
    child.stderr.resume();
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param kept - whether it makes its sessions before, or one for each image */
  static async start(
    { python, paths }: { readonly python: string; readonly paths: readonly string[] },
    kept: 'all' | 'none',
  ): Promise<StreamPeer> {
    const peer = new StreamPeer(spawn(python, [SCRIPT, kept, ...paths]));
    await peer.line();
    return peer;
  }

  private async line(): Promise<string> {
    const line = await this.lines.next();
    if (line.done === true) throw new Error('onnxruntime ended without an answer');
    return line.value;
  }

  /** Milliseconds of an image on the model at a place. */
  async run(place: number): Promise<number> {
    this.child.stdin.write(`${place}\n`);
    return Number(await this.line());
  }

  close(): void {
    this.child.stdin.end();
    this.child.kill();
  }
}
