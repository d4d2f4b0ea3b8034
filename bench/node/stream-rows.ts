import { POLICY_NAMES } from '../../src/node/index.ts';
import { attempt, type Bench } from '../rows.ts';
import { peerModel, peerModels, StreamPeer } from './stream-peer.ts';
import { runWay, STREAM_NETWORKS, type StreamPackage, streamPackage, type Way, type WayResult } from './stream.ts';

/** Loaded, and everything read anew for each image; on other machines, so that only the ratio of the two can be compared. */
const PAPER = { loaded: 3.16, reloaded: 113.3 } as const;
const WHERE = '8 GTX 1080 Ti, MXNet, pictures read too (white paper, section 6): not this machine';
/** Share of all ready models that the cache holds. */
const SHARE = 0.5;
const BACKEND = 'wasm';
const [IMAGES, QUICK_IMAGES] = [200, 16] as const;
/** Making a model ready for each image takes seconds. */
const [RELOADS, QUICK_RELOADS] = [40, 8] as const;

const checked = (wrong: readonly string[]): string => (wrong.length === 0 ? 'same bytes in all ways' : `OTHER BYTES: ${wrong.join(', ')}`);

/**
 * The white paper's experiment: eight networks at full size with random weights, for each image a random one of them, batch 1, through
 * the node's service with one worker and one thread.
 */
export const streamRows = (bench: Bench): Promise<void> =>
  attempt(bench, 'stream of eight networks', async () => {
    const packages: StreamPackage[] = [];
    for (const name of STREAM_NETWORKS) {
      bench.say(`package of ${name}`);
      packages.push(streamPackage(name));
    }
    if (bench.onlyPrepare) {
      for (const name of STREAM_NETWORKS) peerModel(name);
      return;
    }
    const models = peerModels(STREAM_NETWORKS);
    const reference = new Map<string, string>();
    const run = async (what: string, way: Way, images: number, peer: string, kept: 'all' | 'none' | undefined): Promise<WayResult> => {
      bench.say(`stream, ${what}`);
      const other = kept === undefined || typeof models === 'string' ? undefined : await StreamPeer.start(models, kept);
      const result = await runWay(packages, way, BACKEND, images, other).finally(() => other?.close());
      const wrong = [...result.failed];
      for (const [name, digest] of result.digests) {
        if ((reference.get(name) ?? digest) !== digest) wrong.push(name);
        reference.set(name, digest);
      }
      bench.row({
        name: `stream of 8 networks, ${what}`,
        value: result.msPerImage,
        unit: 'ms/image',
        peer: `${images} images, ${result.hits.toFixed(0)} % ready, ${checked(wrong)}; ${peer}`,
        ...(wrong.length === 0 ? {} : { goal: 'same bytes', met: false }),
      });
      if (kept !== undefined)
        bench.row({
          name: `stream of 8 networks, ${what}: onnxruntime`,
          unit: 'ms/image',
          ...(typeof models === 'string'
            ? { skipped: models }
            : {
                value: result.peerMs / images,
                peer: 'float32, one thread, image by image in turn with ours; CaffeNet without its two normalizations; a session each, made anew where models are made ready for each',
              }),
        });
      return result;
    };
    const images = bench.quick ? QUICK_IMAGES : IMAGES;
    const loaded = await run(
      'preloaded',
      { policy: 'lru', cacheBytes: 2 ** 40, preloaded: true },
      images,
      `${PAPER.loaded} on ${WHERE}`,
      'all',
    );
    bench.row({
      name: 'eight networks, ready',
      value: loaded.bytes / 1e6,
      unit: 'MB',
      peer: `${Math.round(packages.reduce((n, p) => n + p.bytes, 0) / 1e6)} MB of packages`,
    });
    const some = Math.ceil(SHARE * loaded.bytes);
    for (const policy of bench.quick ? (['lru', 'gdsf'] as const) : POLICY_NAMES)
      await run(
        `cache of ${100 * SHARE} %, ${policy}`,
        { policy, cacheBytes: some, preloaded: false },
        images,
        `${PAPER.loaded} to ${PAPER.reloaded} on ${WHERE}`,
        undefined,
      );
    const reloaded = await run(
      'made ready for each',
      { policy: 'lru', cacheBytes: 0, preloaded: false },
      bench.quick ? QUICK_RELOADS : RELOADS,
      `${PAPER.reloaded} on ${WHERE}`,
      'none',
    );
    const ratio = reloaded.msPerImage / loaded.msPerImage;
    bench.row({
      name: 'stream of 8 networks, made ready for each against preloaded',
      value: ratio,
      unit: 'times',
      goal: `<= ${(PAPER.reloaded / PAPER.loaded).toFixed(1)}`,
      met: ratio <= PAPER.reloaded / PAPER.loaded,
      peer: `the white paper: 113.3 / 3.16; a ratio, since the machines differ`,
    });
  });
