import { Philox, type Program, ProgramBuilder, randomTensor, type Tensor, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** Builder of random small networks for tests: the shapes are small, the mix of ops is that of real CNNs. */
class CnnMaker {
  readonly b: ProgramBuilder;
  private readonly random: Philox;

  constructor(seed: number) {
    this.b = new ProgramBuilder(`cnn${seed}`);
    this.random = new Philox(seed, 77);
  }

  int(lo: number, hi: number): number {
    return this.random.int(lo, hi);
  }

  tensor(shape: readonly number[], lo: number, hi: number): Tensor {
    return randomTensor({ dtype: 'f32', shape }, this.random, lo, hi);
  }

  channelsOf(v: ValueId): number {
    return Number(at(this.b.typeOf(v).shape, 1));
  }

  conv(x: ValueId, out: number, kernel: number, stride = 1, groups = 1, name?: string): ValueId {
    const per = this.channelsOf(x) / groups;
    const reach = 1 / Math.sqrt(per * kernel * kernel);
    const w = this.b.constant(this.tensor([out, per, kernel, kernel], -2 * reach, 2 * reach));
    const bias = this.int(0, 2) === 0 ? [] : [this.b.constant(this.tensor([out], -0.5, 0.5))];
    const p = (kernel - 1) / 2;
    return this.b.emit('conv', [x, w, ...bias], { stride: [stride, stride], dilation: [1, 1], pads: [p, p, p, p], groups }, name);
  }

  norm(x: ValueId): ValueId {
    const c = this.channelsOf(x);
    const stats = [this.tensor([c], 0.5, 1.5), this.tensor([c], -0.5, 0.5), this.tensor([c], -0.5, 0.5), this.tensor([c], 0.5, 2)];
    return this.b.emit('batch_norm', [x, ...stats.map((t) => this.b.constant(t))], {});
  }

  activation(x: ValueId): ValueId {
    switch (this.int(0, 6)) {
      case 0:
        return this.b.emit('relu6', [x], {});
      case 1:
        return this.b.emit('sigmoid', [x], {});
      case 2:
        return this.b.emit('hard_swish', [x], {});
      case 3:
        return this.b.emit('leaky_relu', [x], { alpha: 0.125 });
      case 4:
        return this.b.emit('prelu', [x, this.b.constant(this.tensor([this.channelsOf(x), 1, 1], 0, 0.5))], {});
      default:
        return this.b.emit('relu', [x], {});
    }
  }

  private readonly pool = { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 1, 1] };

  block(x: ValueId, i: number): ValueId {
    const b = this.b;
    const c = this.channelsOf(x);
    switch (this.int(0, 6)) {
      case 0: {
        const y = this.norm(this.conv(this.activation(this.norm(this.conv(x, c, 3, 1, 1, `res${i}.a`))), c, 3, 1, 1, `res${i}.b`));
        return b.emit('relu', [b.emit('add', [x, y], {}, `res${i}.add`)], {});
      }
      case 1:
        return this.activation(this.conv(x, c, 3, 1, c, `depthwise${i}`));
      case 2:
        return this.int(0, 1) === 0
          ? b.emit('max_pool', [this.activation(x)], this.pool, `pool${i}`)
          : this.activation(b.emit('max_pool', [this.norm(x)], this.pool, `pool${i}`));
      case 3:
        return b.emit('average_pool', [x], { ...this.pool, include_pad: this.int(0, 1) === 1 }, `mean${i}`);
      case 4: {
        const parts = [this.activation(this.conv(x, 3, 1)), b.emit('max_pool', [x], this.pool), this.conv(x, 2, 3)];
        return b.emit('concat', parts, { axis: 1 }, `cat${i}`);
      }
      case 5: {
        const gate = b.emit('sigmoid', [this.conv(b.emit('global_average_pool', [x], {}), c, 1, 1, 1, `gate${i}`)], {});
        return b.emit('mul', [x, gate], {}, `scale${i}`);
      }
      default: {
        const p = b.emit('pad', [x], { pads: [0, 0, 1, 1, 0, 0, 1, 1] });
        const w = b.constant(this.tensor([c, c, 3, 3], -0.3, 0.3));
        return this.activation(this.norm(b.emit('conv', [p, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }, `padded${i}`)));
      }
    }
  }
}

/** A random network of `blocks` blocks on x f32[2, 3, 7, 6] with a dense head. */
export const randomCnn = (seed: number, blocks = 3): Program => {
  const maker = new CnnMaker(seed);
  const b = maker.b;
  let v = b.input('x', { dtype: 'f32', shape: [2, 3, 7, 6] });
  v = maker.conv(v, maker.int(2, 5), 3, 1, 1, 'stem');
  for (let i = 0; i < blocks; i++) v = maker.block(v, i);
  if (maker.int(0, 1) === 0) v = b.emit('global_average_pool', [v], {}, 'gap');
  v = b.emit('flatten', [v], {});
  const k = Number(at(b.typeOf(v).shape, 1));
  const reach = 2 / Math.sqrt(k);
  v = b.emit('dense', [v, b.constant(maker.tensor([5, k], -reach, reach)), b.constant(maker.tensor([5], -1, 1))], {}, 'head');
  b.output('logits', v);
  if (maker.int(0, 2) === 0) b.output('p', b.emit('softmax', [v], { axis: 1 }, 'softmax'));
  return b.finish();
};
