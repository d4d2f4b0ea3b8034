import { type AnyNode, DTYPE_INFO, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { option, py, slot, type Step } from '../../outline/code.ts';
import { float, tuple } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';
import { TORCH_DTYPE } from '../text.ts';
import { elementwise } from './pointwise.ts';

/** A helper of two integers with broadcast. */
const helper =
  (name: string, ...needs: readonly string[]) =>
  (c: Layouts, node: AnyNode) => {
    const w = c.writer(node);
    const [a = [], b = []] = w.broadcast(2);
    return w.step(py`${name}(${a}, ${b})`, { helpers: [...needs, name] });
  };

const rounded = (how: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  return w.step(py`integer_div(${a}, ${b}, "${how}")`, { helpers: ['integer_div'] });
};

const infix = (operator: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  return w.step(py`${a} ${operator} ${b}`);
};

/** A function in fixed point of single elements. */
const fixed = (name: string, needs: readonly string[], more: (node: AnyNode) => string) => (c: Layouts, node: AnyNode) =>
  elementwise(c, node, (x) => py`${name}(${x}${more(node)})`, { helpers: [...needs, name] });

export const integerRows = {
  mod: helper('integer_mod'),
  rem: (c, n) => {
    const w = c.writer(n);
    const float32 = w.resultType().dtype === 'f32';
    const [a = [], b = []] = w.broadcast(2);
    return float32 ? w.step(py`torch.fmod(${a}, ${b})`) : w.step(py`integer_rem(${a}, ${b})`, { helpers: ['integer_rem'] });
  },
  div_floor: rounded('floor'),
  div_round: rounded('round'),
  shift_left: helper('left_shift'),
  shift_right: helper('right_shift'),
  shift_right_logical: helper('logical_right_shift'),
  bitwise_and: infix('&'),
  bitwise_or: infix('|'),
  bitwise_xor: infix('^'),
  bitwise_not: (c, n) => elementwise(c, n, (x) => py`torch.bitwise_not(${x})`),
  clz: fixed('leading_zeros', [], () => ''),
  log2_fixed: fixed('log2_fixed', ['shift_right', 'leading_zeros'], () => ''),
  exp2_fixed: fixed(
    'exp2_fixed',
    ['shift_right', 'exp2_q16'],
    (n) => `, ${String(n.attrs['fraction'])}, ${String(n.attrs['result_fraction'])}`,
  ),
  exp_fixed: fixed(
    'exp_fixed',
    ['shift_right', 'exp2_q16'],
    (n) => `, ${String(n.attrs['fraction'])}, ${String(n.attrs['result_fraction'])}`,
  ),
  isqrt: fixed('root', ['integer_root'], (n) => `, ${String(n.attrs['fraction'])}`),
  add_saturated: helper('add_saturated'),
} satisfies Partial<LoweringTable<Layouts, Step>>;

/** Multiplier and shift lie along axis 1 of x as it is stored. */
const perChannel = (rank: number, axis: number, channels: number): readonly number[] =>
  channels === 1 ? [1] : Array.from({ length: rank }, (_, i) => (i === axis ? channels : 1)).slice(axis);

export const quantizedRows = {
  quantize: (c, n) => {
    const { inverse_scale, zero } = n.attrs;
    return elementwise(c, n, (x) => py`quantize(${x}, ${float(inverse_scale)}, ${zero})`, { helpers: ['quantize'] });
  },
  dequantize: (c, n) => {
    const { scale, zero } = n.attrs;
    return elementwise(c, n, (x, dtype) =>
      // int32 may lose bits in float32: subtracted before
      zero === 0
        ? py`${x}.float() * ${float(scale)}`
        : dtype === 'i32'
          ? py`(${x}.long() - ${zero}).float() * ${float(scale)}`
          : py`(${x}.float() - ${zero}) * ${float(scale)}`,
    );
  },
  cast: (c, n) => {
    const { dtype } = n.attrs;
    const { lo, hi } = DTYPE_INFO[dtype];
    return elementwise(
      c,
      n,
      (x, from) => {
        if (dtype === 'f32' || dtype === 'bool') return py`${x}.to(${TORCH_DTYPE[dtype]})`;
        if (from === 'f32') return py`saturate(${x}, ${lo}, ${hi}, ${TORCH_DTYPE[dtype]})`;
        const info = DTYPE_INFO[from as typeof dtype];
        if (info.lo >= lo && info.hi <= hi) return py`${x}.to(${TORCH_DTYPE[dtype]})`;
        return py`torch.clamp(${x}.int(), ${lo}, ${hi}).to(${TORCH_DTYPE[dtype]})`;
      },
      { helpers: dtype !== 'f32' && dtype !== 'bool' && c.type(n.operands[0] ?? n.results[0]!).dtype === 'f32' ? ['saturate'] : [] },
    );
  },
  rescale: (c, n) => {
    const w = c.writer(n);
    const [multiplier, shift] = [w.tensor(1), w.tensor(2)];
    const { lo, hi, input_zero, output_zero, dtype } = n.attrs;
    const options = py`${slot('low', lo)}, ${slot('high', hi)}${option('input_zero', input_zero, 0)}${option('output_zero', output_zero, 0)}${option('dtype', TORCH_DTYPE[dtype], 'torch.int8')}`;
    const channels = Number(w.type(1).shape[0]);
    if (multiplier === undefined || shift === undefined) {
      const view = channels === 1 ? '' : `.view(${perChannel(w.rank(0), 1, channels).join(', ')})`;
      return w.step(py`rescale(${w.x(0)}, ${w.x(1)}${view}, ${w.x(2)}${view}, ${options})`, { helpers: ['rescale'] });
    }
    const x = w.stored(0);
    const perm = w.perm(0);
    w.store(perm);
    const shape = perChannel(perm.length, perm.indexOf(1), channels);
    const make = py`Rescale(${slot('channels', shape.length === 1 ? channels : tuple(shape))}, ${options})`;
    const tensors = [
      { key: 'multiplier', tensor: { ...multiplier, shape } },
      { key: 'shift', tensor: { ...shift, shape } },
    ];
    return { ...w.layer({ leaf: 'rescale', make, tensors }, x), helpers: ['rescale', 'Rescale'] };
  },
  table: (c, n) => {
    const w = c.writer(n);
    const wide = w.type(0).dtype === 'i16';
    const shared = w.rank(1) === 1;
    const x = shared ? w.stored(0) : w.x(0);
    if (shared) w.store(w.perm(0));
    const table = w.x(1, undefined, 'table');
    if (wide) return w.step(py`look_up_wide(${x}, ${table})`, { helpers: ['shift_right', 'look_up_wide'] });
    return w.step(py`look_up(${x}, ${table}, ${w.type(0).dtype === 'i8' ? 128 : 0})`, { helpers: ['look_up'] });
  },
  add_rescale: (c, n) => {
    const w = c.writer(n);
    const { multipliers, zeros, shift, output_zero, lo, hi } = n.attrs;
    const terms = w.broadcast(n.operands.length).map((x, i) => {
      const zero = zeros[i] ?? 0;
      const centred = zero === 0 ? py`${x}.int()` : zero < 0 ? py`(${x}.int() + ${-zero})` : py`(${x}.int() - ${zero})`;
      return py`${multipliers[i] ?? 0} * ${centred}`;
    });
    const sum = terms.reduce((a, b) => py`${a} + ${b}`);
    return w.step(py`requantize(${sum}, ${shift}, ${output_zero}, ${lo}, ${hi})`, { helpers: ['requantize'] });
  },
  softmax_lut: (c, n) => {
    const w = c.writer(n);
    return w.step(py`softmax_lut(${w.x(0)}, ${w.x(1, undefined, 'exponentials')}, dim=${n.attrs.axis})`, { helpers: ['softmax_lut'] });
  },
  softmax_fixed: (c, n) => {
    const w = c.writer(n);
    const { axis, multiplier, shift, bits, output_zero, dtype } = n.attrs;
    if (w.type(0).shape.includes(0)) throw new UnsupportedError('PyTorch has no extremes of nothing');
    return w.step(py`softmax_fixed(${w.x(0)}, ${axis}, ${multiplier}, ${shift}, ${bits}, ${output_zero}, ${TORCH_DTYPE[dtype]})`, {
      helpers: ['shift_right', 'exp2_q16', 'softmax_fixed'],
    });
  },
  layer_norm_fixed: (c, n) => {
    const w = c.writer(n);
    const a = n.attrs;
    const axis = a.axis < 0 ? a.axis + w.rank(0) : a.axis;
    const text = `axis=${axis}, groups=${a.groups}, center=${a.center ? 'True' : 'False'}, input_zero=${a.input_zero}, epsilon=${a.epsilon * 2 ** a.epsilon_shift}, shift=${a.shift}, output_zero=${a.output_zero}, low=${a.lo}, high=${a.hi}, dtype=${TORCH_DTYPE[a.dtype]}`;
    return w.step(py`layer_norm_fixed(${w.x(0)}, ${w.x(1, undefined, 'gain')}, ${w.x(2, undefined, 'bias')}, ${text})`, {
      helpers: ['shift_right', 'integer_root', 'layer_norm_fixed'],
    });
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
