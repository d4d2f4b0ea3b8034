import type { ValueId } from '../../../ir/index.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flagOf, numberOf, rounded, wholeOf } from './util.ts';

const bitsOf = (n: LayerNode): number => {
  const bits = wholeOf(n, 'bits');
  return bits >= 1 && bits <= 24 ? bits : n.refuse(`bits is ${bits}, but 1 to 24 are supported`);
};

const numberAt = (n: LayerNode, i: number, what: string): number => {
  const [value, ...more] = n.hostNumbers(i, what);
  return value === undefined || more.length > 0 ? n.refuse(`${what} is no single number`) : value;
};

/** Reals on the steps between min and max. */
const minMax = (n: LayerNode, signed: boolean, symmetric: boolean): ValueId => {
  const bits = bitsOf(n);
  const [min, max] = [numberAt(n, 1, 'min'), numberAt(n, 2, 'max')];
  if (!(min < max)) return n.malformed(`min is ${min}, max is ${max}`);
  const steps = 2 ** bits - 1 - (signed && symmetric ? 1 : 0);
  const inside = n.emit('clip', [n.real(0)], { min, max });
  const unit = n.emit('div', [n.emit('sub', [inside, n.scalar(min)], {}), n.scalar(max - min)], {});
  const q = rounded(n, n.emit('mul', [unit, n.scalar(steps)], {}));
  return n.emit('add', [n.emit('mul', [n.emit('div', [q, n.scalar(steps)], {}), n.scalar(max - min)], {}), n.scalar(min)], {});
};

const zeroPoint = (n: LayerNode): ValueId => {
  const bits = bitsOf(n);
  const [signed, symmetric] = [flagOf(n, 'signed'), flagOf(n, 'symmetric')];
  const [zero, scale] = [wholeOf(n, 'zero_point'), numberOf(n, 'scale')];
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const min = signed ? (symmetric ? -max : -max - 1) : 0;
  const whole = rounded(n, n.emit('div', [n.real(0), n.scalar(scale)], {}));
  const moved = zero === 0 ? whole : n.emit('add', [whole, n.scalar(zero)], {});
  const q = n.emit('clip', [moved], { min, max });
  return n.emit('mul', [zero === 0 ? q : n.emit('sub', [q, n.scalar(zero)], {}), n.scalar(scale)], {});
};

export const quantize = {
  min_max_linear_quantize: { import: (n) => [minMax(n, flagOf(n, 'signed'), flagOf(n, 'symmetric'))] },
  linear_quantize: { import: (n) => [minMax(n, false, false)] },
  zero_point_linear_quantize: { import: (n) => [zeroPoint(n)] },
  logarithmic_quantize: { refused: 'steps of a logarithm are not imported' },
} as const satisfies LayerTable;
