import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePackage, encodePackage } from '../../src/cvm-bytecode/index.ts';
import { isStaticType, Philox, type Program, randomTensor, type StaticType, typeOf } from '../../src/ir/index.ts';
import { createService, type InferenceService, type ModelMeta, packTensors, POLICIES, type PolicyName } from '../../src/node/index.ts';
import { at, bytesSource, sha256, toHex, unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { type NetworkName, networkProgram, networkTitle, STREAM_NETWORKS } from '../gpu/networks/architectures.ts';
import { streamOrder } from '../gpu/stream.ts';
import type { StreamPeer } from './stream-peer.ts';

export type { NetworkName };
export { STREAM_NETWORKS };

/** Where packages of the networks are kept between runs: making them takes longer than running them. */
const FOLDER = join(ROOT, '.cache', 'bench-node');

/** A network as a package on disk. */
export interface StreamPackage {
  readonly name: NetworkName;
  readonly path: string;
  readonly hash: Uint8Array;
  readonly bytes: number;
  readonly types: readonly StaticType[];
  /** Packed. */
  readonly input: Uint8Array;
}

const makePackage = (name: NetworkName): { readonly file: Uint8Array; readonly program: Program } => {
  const { program } = networkProgram(name, 1);
  const source = { format: 'mrl', file: name, sha256: toHex(sha256(name)), compilerVersion: 'bench' };
  const metadata = { name: networkTitle(name), author: '', description: '', licence: '', version: '', source };
  return { file: unwrap(encodePackage({ program, metadata })), program };
};

/** The package of a network, made the first time. */
export const streamPackage = (name: NetworkName): StreamPackage => {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${name}.cvm`);
  if (!existsSync(path)) {
    writeFileSync(`${path}.draft`, makePackage(name).file);
    renameSync(`${path}.draft`, path);
  }
  const file = new Uint8Array(readFileSync(path));
  const { program, modelHash } = unwrap(decodePackage(bytesSource(file)));
  const types = program.inputs.map((p) => typeOf(program, p.value)).filter(isStaticType);
  const random = new Philox(3);
  const input = packTensors(types.map((t) => randomTensor(t, random)));
  return { name, path, hash: modelHash, bytes: file.length, types, input };
};

export interface WayResult {
  readonly images: number;
  readonly msPerImage: number;
  /** Of all images, by the peer; 0: there was none. */
  readonly peerMs: number;
  /** Percent. */
  readonly hits: number;
  /** That the models hold at the end. */
  readonly bytes: number;
  /** Digest of each model's output. */
  readonly digests: ReadonlyMap<string, string>;
  readonly failed: readonly string[];
}

/** A way in which a node keeps models: all ready, some of them, or none. */
export interface Way {
  readonly policy: PolicyName;
  readonly cacheBytes: number;
  readonly preloaded: boolean;
}

const serviceOf = (packages: readonly StreamPackage[], { policy, cacheBytes }: Way, backend: string): InferenceService => {
  const paths = new Map(packages.map((p) => [toHex(p.hash), p.path]));
  return createService({
    objects: {
      // the file is read by the worker; here only its size is asked for
      package: (hash) => {
        const found = packages.find((p) => toHex(p.hash) === toHex(hash));
        return Promise.resolve(found && { size: found.bytes, inMemory: false, read: () => new Uint8Array(0) });
      },
      packagePath: (hash) => Promise.resolve(paths.get(toHex(hash))),
      input: () => Promise.resolve(undefined),
    },
    backend,
    workers: 1,
    cacheBytes,
    policy: POLICIES[policy](),
    limits: { loadBytes: 2 ** 33 },
  });
};

/** Runs an image on each of the models that the schedule names, one after another, as a chain does. */
export const runWay = async (
  packages: readonly StreamPackage[],
  way: Way,
  backend: string,
  images: number,
  peer?: StreamPeer,
): Promise<WayResult> => {
  const service = serviceOf(packages, way, backend);
  const digests = new Map<string, string>();
  const failed: string[] = [];
  const infer = async (p: StreamPackage): Promise<void> => {
    const meta = { hash: p.hash, inputs: p.types } as unknown as ModelMeta;
    const output = await service.infer({ meta, input: p.input, seed: [0, 0] });
    const digest = typeof output === 'string' ? output : toHex(sha256(output));
    const before = digests.get(p.name) ?? digest;
    if (before !== digest || typeof output === 'string') failed.push(p.name);
    digests.set(p.name, digest);
  };
  try {
    service.warm();
    // the first image of each is not measured where all are ready before
    if (way.preloaded) for (const p of packages) await infer(p);
    else await service.preload(at(packages, 0).hash);
    const next = streamOrder(packages.length, 1);
    const before = service.counts();
    let [ownMs, peerMs] = [0, 0];
    for (let i = 0; i < images; i++) {
      const [place] = next();
      const started = performance.now();
      await infer(at(packages, place));
      ownMs += performance.now() - started;
      if (peer !== undefined) peerMs += await peer.run(place);
    }
    const { hits, bytes } = service.counts();
    return { images, msPerImage: ownMs / images, peerMs, hits: (100 * (hits - before.hits)) / images, bytes, digests, failed };
  } finally {
    service.close();
  }
};
