import type { Tensor } from '../../ir/index.ts';
import { type Code, py, type Slot, slot } from '../outline/code.ts';
import type { Style } from '../outline/writer.ts';
import { TORCH_DTYPE } from './text.ts';

const sizesOf = (tensor: Tensor): Code =>
  tensor.shape.length === 0 ? ['()'] : tensor.shape.flatMap((d, i): (string | Slot)[] => [...(i === 0 ? [] : [', ']), slot('size', d)]);

/** Tensors of floats are parameters, all others buffers. */
export const TORCH_STYLE: Style = {
  tensorField: (leaf, tensor) => ({
    leaf,
    isTensor: true,
    make:
      tensor.dtype === 'f32'
        ? py`nn.Parameter(torch.empty(${sizesOf(tensor)}))`
        : py`nn.Buffer(torch.empty(${sizesOf(tensor)}, dtype=${TORCH_DTYPE[tensor.dtype]}))`,
    tensors: [{ key: '', tensor }],
  }),
  size: (value, axis) => py`${value}.shape[${axis}]`,
};
