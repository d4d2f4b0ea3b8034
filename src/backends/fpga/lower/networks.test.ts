import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  encodeRescale,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ArrayConfig, DEFAULT_ARRAY } from '../array/config.ts';
import { differences, ORDERS, simulate } from './testing/simulated.ts';

// Random networks of convs, pools, sums, tables, concatenations and dense layers: what stays on chip, what is tiled, what goes back to row-major.

const int = (min: number, max: number) => fc.integer({ min, max });

const KINDS = [
  'conv',
  'pointwise',
  'depthwise',
  'grouped',
  'max',
  'average',
  'add',
  'residual',
  'table',
  'concat',
  'output',
  'clamp',
] as const;

interface Layer {
  readonly kind: (typeof KINDS)[number];
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

const layer: fc.Arbitrary<Layer> = fc.record({
  kind: fc.constantFrom(...KINDS),
  channels: fc.constantFrom(3, 16, 20, 32, 48),
  kernel: int(1, 3),
  stride: int(1, 2),
  pad: int(0, 1),
});

interface Network {
  readonly input: readonly [number, number, number, number];
  readonly layers: readonly Layer[];
  readonly end: 'none' | 'mean' | 'sum' | 'pool';
  readonly wide: boolean;
  readonly seed: number;
}

const network: fc.Arbitrary<Network> = fc.record({
  input: fc.tuple(int(1, 2), fc.constantFrom(1, 3, 4, 16, 19), int(3, 12), fc.constantFrom(5, 8, 16, 17)),
  layers: fc.array(layer, { minLength: 2, maxLength: 8 }),
  end: fc.constantFrom('none', 'mean', 'sum', 'pool'),
  wide: fc.boolean(),
  seed: int(0, 1e6),
});

/** Builds a program layer by layer. */
class Maker {
  readonly b = new ProgramBuilder('network');
  private readonly random: Philox;
  constructor(seed: number) {
    this.random = new Philox(seed);
  }

  type(v: ValueId): StaticType {
    return this.b.typeOf(v) as StaticType;
  }

  private constant(type: StaticType, lo?: number, hi?: number): ValueId {
    return this.b.constant(randomTensor(type, this.random, lo, hi));
  }

  private numbers(data: readonly number[]): ValueId {
    const tensor: Tensor = { dtype: 'i32', shape: [data.length], data: Int32Array.from(data) };
    return this.b.constant(tensor);
  }

  rescale(x: ValueId, channels: number, scale: number, dtype: 'i8' | 'i16' = 'i8'): ValueId {
    const factors = Array.from({ length: channels }, () =>
      encodeRescale(scale * (0.5 + this.random.unit()), dtype === 'i8' ? 'n15' : 'w21'),
    );
    const operands = [x, this.numbers(factors.map((f) => f.multiplier)), this.numbers(factors.map((f) => f.shift))];
    const range = dtype === 'i8' ? { lo: -120, hi: 127 } : { lo: -32768, hi: 32767 };
    return this.b.emit('rescale', operands, { output_zero: 3, ...range, dtype, width: dtype === 'i8' ? 'n15' : 'w21' });
  }

  conv(x: ValueId, outputs: number, groups: number, { kernel, stride, pad }: Pick<Layer, 'kernel' | 'stride' | 'pad'>): ValueId {
    const inGroup = at(this.type(x).shape, 1) / groups;
    const w = this.constant({ dtype: 'i8', shape: [outputs, inGroup, kernel, kernel] });
    const bias = this.constant({ dtype: 'i32', shape: [outputs] }, -2000, 2000);
    const attrs = { stride: [stride, stride], dilation: [1, 1], pads: [pad, pad, pad, pad], groups, pad_value: -5 };
    const y = this.b.emit('conv', [x, w, bias], attrs);
    return this.rescale(y, outputs, 0.5 / (74 * Math.sqrt(inGroup * kernel * kernel)));
  }

  dense(x: ValueId, outputs: number, dtype: 'i8' | 'i16'): ValueId {
    const inputs = at(this.type(x).shape, this.type(x).shape.length - 1);
    const w = this.constant({ dtype: 'i8', shape: [outputs, inputs] });
    return this.rescale(this.b.emit('dense', [x, w], {}), outputs, 0.5 / (74 * Math.sqrt(inputs)), dtype);
  }

  table(x: ValueId): ValueId {
    return this.b.emit('table', [x, this.constant({ dtype: 'i8', shape: [256] })], {});
  }

  add(x: ValueId, y: ValueId): ValueId {
    return this.b.emit('add_rescale', [x, y], { multipliers: [900_000, 1_200_000], zeros: [3, -7], shift: 21, output_zero: -2 });
  }
}

const fitsKernel = (shape: readonly number[], { kernel, pad }: Layer): boolean => Math.min(at(shape, 2), at(shape, 3)) + 2 * pad >= kernel;

const step = (m: Maker, x: ValueId, l: Layer): ValueId => {
  const { shape } = m.type(x);
  const channels = at(shape, 1);
  const same = { kernel: 3, stride: 1, pad: 1 };
  const window = { kernel: [l.kernel, l.kernel], stride: [l.stride, l.stride], dilation: [1, 1] };
  switch (l.kind) {
    case 'conv':
      return fitsKernel(shape, l) ? m.conv(x, l.channels, 1, l) : x;
    case 'pointwise':
      return m.conv(x, l.channels, 1, { kernel: 1, stride: l.stride, pad: 0 });
    case 'depthwise':
      return channels > 1 ? m.conv(x, channels, channels, same) : x;
    case 'grouped':
      return channels % 4 === 0 ? m.conv(x, channels, channels >= 32 && channels % 32 === 0 ? channels / 16 : channels / 4, same) : x;
    case 'max':
      return l.kernel > l.pad && fitsKernel(shape, l) ? m.b.emit('max_pool', [x], { ...window, pads: [l.pad, l.pad, l.pad, l.pad] }) : x;
    case 'average': {
      const pads = [l.pad, l.pad, l.pad, l.pad];
      const attrs = { ...window, pads, include_pad: true, pad_value: -9 };
      return l.kernel > l.pad && fitsKernel(shape, l) ? m.b.emit('average_pool', [x], attrs) : x;
    }
    case 'add':
      return m.add(m.conv(x, l.channels, 1, same), m.conv(x, l.channels, 1, { ...same, kernel: 1, pad: 0 }));
    case 'residual':
      return m.add(x, m.conv(m.conv(x, l.channels, 1, same), channels, 1, same));
    case 'table':
      return m.table(x);
    case 'concat': {
      const parts = [m.conv(x, l.channels, 1, same), m.table(x), m.conv(x, 16, 1, { kernel: 1, stride: 1, pad: 0 })];
      return m.b.emit('concat', parts, { axis: 1 });
    }
    case 'output':
      m.b.output(`at ${x}`, x);
      return x;
    case 'clamp':
      // an op of the processor in between
      return m.b.emit('clamp', [x], { lo: -100, hi: 90 });
    default:
      return l.kind satisfies never;
  }
};

const build = ({ input, layers, end, wide, seed }: Network): Program => {
  const m = new Maker(seed);
  let x = m.b.input('x', { dtype: 'i8', shape: input });
  for (const l of layers) x = step(m, x, l);
  const spatial = m.type(x).shape.slice(2);
  if (end !== 'none') {
    const [n, c] = [at(input, 0), at(m.type(x).shape, 1)];
    if (end === 'pool') {
      const attrs = { kernel: spatial, stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
      x = m.b.emit('average_pool', [x], attrs);
    } else if (end === 'mean') x = m.b.emit('reduce_mean', [x], { axes: [2, 3], keep: true });
    else m.b.output('sums', m.b.emit('reduce_sum', [x], { axes: [2, 3], keep: false }));
    if (end !== 'sum') x = m.dense(m.dense(m.b.emit('reshape', [x], { shape: [n, c] }), 20, 'i8'), 10, wide ? 'i16' : 'i8');
  }
  m.b.output('y', x);
  return m.b.finish();
};

const CONFIGS: readonly ArrayConfig[] = [
  DEFAULT_ARRAY,
  { ...DEFAULT_ARRAY, groups: 4, scratchBeats: 700, weightEntries: 64, parameterBlocks: 4 },
  { ...DEFAULT_ARRAY, groups: 2, inputs: 8, scratchBeats: 200, weightEntries: 20, parameterBlocks: 2 },
  // weights that need more than six bits are left to the processor
  { ...DEFAULT_ARRAY, bits: 6 },
];

test('random networks give the bytes of the reference, in memories of any size', () => {
  fc.assert(
    fc.property(network, (n) => {
      const program = build(n);
      const inputs = program.inputs.map((p) => randomTensor(program.types[p.value] as StaticType, new Philox(n.seed + 1)));
      CONFIGS.forEach((config, i) => {
        const { outputs } = simulate(program, inputs, config, at(ORDERS, (n.seed + i) % ORDERS.length));
        expect(differences(program, inputs, outputs)).toEqual([]);
      });
    }),
    { seed: 20_261_126, numRuns: 18 },
  );
});
