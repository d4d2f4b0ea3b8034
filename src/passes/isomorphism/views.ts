import type { Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { InputView } from './normal/index.ts';
import { sourceIndex } from './normal/movement.ts';

/** A tensor of the counterpart as the port that is seen so takes it. */
export const asSeen = (tensor: Tensor, view: InputView | undefined, own: readonly number[]): Tensor => {
  if (view === undefined) return tensor;
  if (view.perm === undefined) return { ...tensor, shape: own };
  const index = sourceIndex({ from: view.shape, perm: view.perm, shape: own });
  const data = tensor.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = at(tensor.data, index(i));
  return { ...tensor, shape: own, data };
};
