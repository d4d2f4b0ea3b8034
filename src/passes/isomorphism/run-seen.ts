import type { Program, Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { withBatch } from './batch-size.ts';
import type { PictureView, Seen } from './picture-view.ts';
import type { RunModel } from './probes.ts';
import { permuted, turnedConstant } from './turned.ts';

/** The picture as the model takes it, from the one that is seen through the view. */
const unseen = (picture: Tensor, { turned, channels }: PictureView): Tensor => {
  const straight = channels === undefined ? undefined : channels.map((_, c) => channels.indexOf(c));
  const ordered = turnedConstant(picture, { turned: false, channels: straight });
  return turned ? turn(ordered) : ordered;
};

const turn = (picture: Tensor): Tensor => {
  const [n = 1, c = 1, h = 1, w = 1] = picture.shape;
  const plane = h * w;
  return permuted(picture, [n, c, w, h], (i) => i - (i % plane) + (i % h) * w + Math.floor((i % plane) / h));
};

/** Runs the model itself, with its own weights, on inputs that are seen through the view: apart from the rewriting. */
export const runSeen = (
  seen: Seen,
  batch: number | undefined,
  run: ((program: Program) => RunModel | undefined) | undefined,
): RunModel | undefined => {
  const own = batch === undefined ? seen.original : withBatch(seen.original, batch);
  const model = own === undefined ? undefined : run?.(own);
  if (model === undefined) return undefined;
  return (inputs) => model([unseen(at(inputs, 0), seen.view)]).map((y, i) => (seen.turnedOutputs.has(i) ? turn(y) : y));
};
