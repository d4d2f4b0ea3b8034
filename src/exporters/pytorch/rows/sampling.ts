import { type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { py, type Step } from '../../outline/code.ts';
import { tuple } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';

const NAMES: Readonly<Record<number, string>> = { 1: 'linear', 2: 'bilinear', 3: 'trilinear' };

export const samplingRows = {
  resize: (c, n) => {
    const w = c.writer(n);
    const { mode, coordinates, rounding, sizes } = n.attrs;
    const input = w.sizesBehindBatch(0).slice(2);
    const size = tuple(sizes);
    if (w.type(0).dtype !== 'f32') throw new UnsupportedError('PyTorch resizes floats');
    if (mode === 'linear') {
      if (coordinates === 'asymmetric') throw new UnsupportedError('PyTorch has no asymmetric coordinates');
      if (coordinates === 'pytorch_half_pixel' && sizes.some((s, i) => s === 1 && input[i] !== 1)) throw new UnsupportedError('of size 1');
      const corners = coordinates === 'align_corners' ? ', align_corners=True' : '';
      return w.step(py`F.interpolate(${w.x(0)}, size=${size}, mode="${NAMES[sizes.length] ?? 'bilinear'}"${corners})`);
    }
    // a whole factor: each cell is repeated, whatever the coordinates
    const whole = sizes.every((s, i) => s % (input[i] ?? 1) === 0);
    const repeats =
      (coordinates === 'asymmetric' && rounding === 'floor') || (coordinates === 'half_pixel' && rounding.startsWith('round'));
    if (!whole || !repeats) throw new UnsupportedError('PyTorch rounds coordinates otherwise');
    const factors = sizes.map((s, i) => s / (input[i] ?? 1));
    return w.step(
      py`F.interpolate(${w.x(0)}, scale_factor=${factors.every((f) => f === factors[0]) ? String(factors[0]) : tuple(factors)}, mode="nearest")`,
    );
  },
  grid_sample: (c, n) => {
    const w = c.writer(n);
    const { mode, outside, align_corners } = n.attrs;
    const spatial = w.rank(0) - 2;
    if (spatial < 2 || (mode === 'cubic' && (spatial > 2 || outside !== 'zeros'))) throw new UnsupportedError('PyTorch samples otherwise');
    const names = { nearest: 'nearest', linear: 'bilinear', cubic: 'bicubic' } as const;
    return w.step(
      py`F.grid_sample(${w.x(0)}, ${w.x(1)}, mode="${names[mode]}", padding_mode="${outside}", align_corners=${align_corners ? 'True' : 'False'})`,
    );
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
