import { DataUnavailable } from '../evm/engine.ts';
import { decodeInput, decodeModel, type InputMeta, type ModelMeta } from '../evm/meta.ts';
import { classOf, labelAt, testSetOf, unfit } from '../evm/score.ts';
import { packedBytes } from '../evm/packing.ts';
import { isRecord, optional, quantity, readAddress, readBytes, readQuantity } from './fields.ts';
import type { Method } from './methods/method.ts';
import type { DevNode } from './node.ts';
import { invalidParams, noResult, rejected } from './rpc-error.ts';

/** Samples that one request counts at most; fewer when time runs out. */
const MAX_SAMPLES = 1000;

interface Samples {
  readonly images: InputMeta;
  readonly labels: InputMeta;
  readonly pixels: () => Promise<Uint8Array>;
  readonly expected: () => Promise<Uint8Array>;
}

const modelAt = async (node: DevNode, given: unknown): Promise<ModelMeta> => {
  const address = readAddress(given, 'model');
  const meta = await node.chain.at(node.chain.head, async (cvm) => decodeModel(await cvm.vm.stateManager.getCode(address)));
  if (meta === undefined) throw invalidParams(`${address.toString()} holds no model`);
  return meta;
};

/** Images or labels: the address of a stored input, or bytes, which need not be on any chain. */
const inputOf = async (node: DevNode, given: unknown, what: string): Promise<InputMeta | Uint8Array> => {
  const bytes = readBytes(given, what);
  if (bytes.length !== 20) return bytes;
  const address = readAddress(given, what);
  const meta = await node.chain.at(node.chain.head, async (cvm) => decodeInput(await cvm.vm.stateManager.getCode(address)));
  if (meta === undefined) throw invalidParams(`${what}: ${address.toString()} holds no input`);
  return meta;
};

const metaOf = (bytes: Uint8Array, shape: readonly number[]): InputMeta => ({
  comment: '',
  hash: new Uint8Array(32),
  rawSize: BigInt(bytes.length),
  shape,
  block: 0n,
});

const samplesOf = async (node: DevNode, f: Readonly<Record<string, unknown>>, model: ModelMeta): Promise<Samples> => {
  const [images, labels] = [await inputOf(node, f['images'], 'images'), await inputOf(node, f['labels'], 'labels')];
  const { engine } = node.chain.options;
  const [input] = model.inputs;
  const count = images instanceof Uint8Array && input !== undefined ? images.length / packedBytes([input]) : 0;
  if (!Number.isInteger(count))
    throw invalidParams(`images have ${(images as Uint8Array).length} bytes, but one input of the model has ${packedBytes(model.inputs)}`);
  const read = (given: InputMeta | Uint8Array) => (): Promise<Uint8Array> =>
    given instanceof Uint8Array ? Promise.resolve(given) : engine.readInput(given.hash, given.rawSize);
  return {
    images: images instanceof Uint8Array ? metaOf(images, [count, ...(input?.shape ?? [])]) : images,
    labels: labels instanceof Uint8Array ? metaOf(labels, [images instanceof Uint8Array ? count : (images.shape[0] ?? 0)]) : labels,
    pixels: read(images),
    expected: read(labels),
  };
};

/**
 * `cortex_score [{ model, images, labels, from, count }]`: what the precompile would count, on this node alone and for nothing. Images and
 * labels are addresses of stored inputs, or their bytes. Ends early when the time of a call is over: `next` says where to go on.
 */
export const scoreHere: Method = async (node, [given], caller) => {
  if (!isRecord(given)) throw invalidParams('score takes an object with model, images, labels, from and count');
  const model = await modelAt(node, given['model']);
  const samples = await samplesOf(node, given, model);
  const set = testSetOf(samples.images, samples.labels);
  if (typeof set === 'string') throw rejected(set);
  const misfit = unfit(model, samples.images, set);
  if (misfit !== undefined) throw rejected(misfit);
  const from = Number(optional(given['from'], (v) => readQuantity(v, 'from')) ?? 0n);
  const wanted = Number(optional(given['count'], (v) => readQuantity(v, 'count')) ?? BigInt(set.samples));
  if (!(from < set.samples) || wanted < 1)
    throw invalidParams(`from is ${from} and count ${wanted}, but the test set has ${set.samples} samples`);
  const end = Math.min(set.samples, from + Math.min(wanted, MAX_SAMPLES));
  return node.calls.alone(caller, async () => {
    try {
      const [pixels, expected] = [await samples.pixels(), await samples.expected()];
      const size = pixels.length / set.samples;
      const classes: number[] = [];
      let correct = 0;
      const until = performance.now() + node.calls.limits.ms;
      for (let i = from; i < end && (i === from || performance.now() < until) && !caller.gone(); i++) {
        const input = pixels.subarray(i * size, (i + 1) * size);
        const output = await node.chain.options.engine.infer({ meta: model, input, seed: [0, 0] });
        if (typeof output === 'string') throw rejected(`sample ${i}: ${output}`);
        const found = classOf(model.outputs, output);
        classes.push(found ?? -1);
        if (found === labelAt(expected, set.labelBytes, i)) correct++;
        await new Promise((others) => setImmediate(others));
      }
      const next = from + classes.length;
      return {
        correct: quantity(correct),
        counted: quantity(classes.length),
        samples: quantity(set.samples),
        next: next < set.samples ? quantity(next) : null,
        classes,
      };
    } catch (error) {
      if (error instanceof DataUnavailable) throw noResult(error);
      throw error;
    }
  });
};
