import { architectureFile, type Network, networkOf, networkOfFile } from '../cpu/network.ts';
import { ARCHITECTURES, type ArchitectureName } from '../cpu/networks/architectures.ts';
import { quantizedForms } from '../cpu/opponents.ts';
import { absence, compileOurs, type Spec } from '../cpu/ours.ts';
import { Peer, type PeerName, providePeer } from '../cpu/peers.ts';
import type { Step } from '../cpu/steps.ts';
import { howText } from '../cpu/text.ts';
import type { Bench } from '../rows.ts';
import { LAYERS } from './cpu-layers.ts';
import { tfliteModels } from './cpu-tflite.ts';
import { howsFor, networksFor, opponentsFor } from './cpu-throughput.ts';

const PEERS: readonly PeerName[] = ['onnxruntime', 'web', 'tract', 'tvm', 'tflite'];
const ONE: Pick<Spec, 'threads' | 'batch'> = { threads: 1, batch: 1 };

/** Estimates for a first time; what is in the cache takes no time. */
const PEER_SECONDS = 60;
const NETWORK_SECONDS = 40;
const VGG_SECONDS = 400;
const QUANTIZE_SECONDS = 20;
const LIBRARY_SECONDS = 12;
const TVM_SECONDS = 40;

/** Native libraries, whose compiler takes seconds, for each way of running a network. */
const libraries = async (bench: Bench, network: Network, hows: readonly Pick<Spec, 'threads' | 'batch'>[]): Promise<void> => {
  if (absence('native') !== undefined) return;
  for (const how of hows) {
    bench.say(`${network.title}, ${howText(how)}: native library`);
    (await compileOurs(network, { target: 'native', ...how })).close();
  }
};

interface Wanted {
  readonly name: ArchitectureName;
  readonly hows: readonly Pick<Spec, 'threads' | 'batch'>[];
  /** Whether peers run it too. */
  readonly peers: boolean;
  readonly withTvm: boolean;
}

/** TVM keeps what it compiled beside the model. */
const compileWithTvm = async (model: string): Promise<void> => {
  const provided = providePeer('tvm');
  if ('missing' in provided) return;
  (await Peer.start(provided.words, { model, ...ONE })).close();
};

const stepsOf = ({ name, hows, peers, withTvm }: Wanted): readonly Step[] => {
  const { title } = ARCHITECTURES[name];
  const network: Step = {
    name: `${title}: model, package, reference`,
    seconds: name === 'vgg19' ? VGG_SECONDS : NETWORK_SECONDS,
    run: async (told) => {
      await networkOf(told, name);
    },
  };
  const compiled: Step = {
    name: `${title}: native libraries`,
    seconds: hows.length * LIBRARY_SECONDS,
    run: async (told) => libraries(told, await networkOf(told, name), hows),
  };
  const quantized: Step = {
    name: `${title}: int8 by onnxruntime`,
    seconds: QUANTIZE_SECONDS,
    run: async () => {
      quantizedForms(architectureFile(name));
    },
  };
  if (!peers) return [network, compiled];
  const tvm: Step = { name: `${title}: TVM`, seconds: TVM_SECONDS, run: () => compileWithTvm(architectureFile(name)) };
  return [
    network,
    compiled,
    ...('missing' in providePeer('quantizer') ? [] : [quantized]),
    ...(withTvm && !('missing' in providePeer('tvm')) ? [tvm] : []),
  ];
};

/** Everything that the parts of the run will ask for, by network. */
const wantedOf = (bench: Bench, parts: readonly string[]): readonly Wanted[] => {
  const found = new Map<ArchitectureName, Wanted>(
    networksFor(bench).measured.map((name) => [
      name,
      { name, hows: howsFor(bench, name), peers: true, withTvm: opponentsFor(bench, ONE, name).some((o) => o.peer === 'tvm') },
    ]),
  );
  const also = (names: readonly ArchitectureName[], hows: Wanted['hows']): void => {
    for (const name of names) if (!found.has(name)) found.set(name, { name, hows, peers: false, withTvm: false });
  };
  if (parts.includes('layers')) also(LAYERS, [ONE]);
  if (parts.includes('cold-start') || parts.includes('memory')) also(['squeezenet', 'resnet50'], [ONE]);
  if (parts.includes('scaling')) {
    also(['resnet50'], [ONE, { ...ONE, threads: 2 }]);
    also(['squeezenet'], [ONE]);
  }
  if (parts.includes('scaling') || (parts.includes('memory') && !bench.quick)) also(['vgg19'], [ONE]);
  return [...found.values()];
};

/** What is made once and kept in build/bench-cpu: models, packages, results of the reference, libraries; and the peers, installed. */
export const preparationSteps = (bench: Bench, parts: readonly string[]): readonly Step[] => {
  const peers = PEERS.map((peer): Step => {
    const run = async (): Promise<void> => {
      providePeer(peer);
    };
    return { name: `peer ${peer}`, seconds: PEER_SECONDS, run };
  });
  const files = tfliteModels(bench).map(({ model, file }): Step => {
    const run = async (told: Bench): Promise<void> => {
      const network = await networkOfFile(told, model.title, file);
      await libraries(told, network, bench.quick ? [ONE] : [1, 8].flatMap((batch) => [1, 2].map((threads) => ({ threads, batch }))));
    };
    return { name: model.title, seconds: NETWORK_SECONDS, run };
  });
  return [...peers, ...wantedOf(bench, parts).flatMap(stepsOf), ...files];
};
