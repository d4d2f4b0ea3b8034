import { elementCount, type StaticType } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import type { Slot } from '../../cpu/simd/index.ts';
import { blocksOf, LANES } from '../array/config.ts';
import type { Tensor16, View } from '../array/task.ts';

/** Sizes of a tensor as the array has it. */
export interface Sizes {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Bytes of a beat. */
export const BEAT = LANES;

/** A tensor whose place in memory is asked for only by those that move it. */
export class LazyTensor implements Tensor16 {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly pitch: number;
  readonly planes?: number;
  private readonly place: () => Slot;
  private known: Slot | undefined;

  constructor({ images, height, width }: Omit<Sizes, 'channels'>, pitch: number, place: () => Slot, planes?: number) {
    if (planes !== undefined) this.planes = planes;
    this.images = images;
    this.height = height;
    this.width = width;
    this.pitch = pitch;
    this.place = place;
  }

  get slot(): Slot {
    return (this.known ??= this.place());
  }

  get bytes(): number {
    return this.images * this.height * this.width * this.pitch * BEAT;
  }
}

/** Where a value is for the array. `image`: [N, C, spatial...], its pixels are positions. `matrix`: [..., C], its pixels are rows, in order. */
export class Home implements Sizes {
  readonly kind: 'image' | 'matrix';
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Whether it holds sums of 32 bits. */
  readonly raw: boolean;
  private readonly own: Tensor16;
  private whole: { readonly home: Home; readonly first: number } | undefined;

  constructor(kind: Home['kind'], { images, height, width, channels }: Sizes, raw: boolean, place: () => Slot, planes?: number) {
    this.kind = kind;
    this.images = images;
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.raw = raw;
    this.own = new LazyTensor({ images, height, width }, this.beats, place, planes);
  }

  /** Beats of a pixel. */
  get beats(): number {
    return blocksOf(this.channels) * (this.raw ? 4 : 1);
  }

  /** Where it is, which is known when the whole program was looked at: concatenations take their parts in. */
  get view(): View {
    if (this.whole === undefined) return { buffer: this.own, first: 0, beats: this.beats };
    const { buffer, first } = this.whole.home.view;
    return { buffer, first: first + this.whole.first, beats: this.beats };
  }

  get isPart(): boolean {
    return this.whole !== undefined;
  }

  /** Becomes part of a whole: the beats of its pixels from `first` on. */
  moveInto(home: Home, first: number): void {
    this.whole = { home, first };
  }
}

/** Sizes of [N, C, H, W] or [N, C, W]. */
export const imageSizes = ({ shape }: Pick<StaticType, 'shape'>): Sizes | undefined => {
  if (shape.length < 3 || shape.length > 4) return undefined;
  const [images = 1, channels = 1, ...spatial] = shape;
  const [height, width] = spatial.length === 1 ? [1, spatial[0]] : spatial;
  invariant(height !== undefined && width !== undefined, 'an image has one or two spatial sizes');
  return { images, height, width, channels };
};

/** Sizes of [..., C]: each row is a pixel. */
export const matrixSizes = ({ shape }: Pick<StaticType, 'shape'>): Sizes => ({
  images: 1,
  height: elementCount(shape.slice(0, -1)),
  width: 1,
  channels: shape.at(-1) ?? 1,
});

export const pixelsOf = ({ images, height, width }: Omit<Sizes, 'channels'>): number => images * height * width;

/** Whether bytes in pixel order are those of the row-major tensor, but for what fills up the last block. */
export const isRowMajor = ({ kind, height, width }: Pick<Home, 'kind' | 'height' | 'width'>): boolean =>
  kind === 'matrix' || height * width === 1;

/** Whether a tensor in pixel order needs no other bytes than the row-major one. */
export const isDense = (home: Pick<Home, 'kind' | keyof Sizes>): boolean =>
  isRowMajor(home) && (home.channels % LANES === 0 || pixelsOf(home) === 1);

/** Whether two operands of elementwise ops lie alike. */
export const isAlike = (a: Home, b: Home): boolean =>
  a.kind === b.kind &&
  a.images === b.images &&
  a.height === b.height &&
  a.width === b.width &&
  a.channels === b.channels &&
  a.raw === b.raw;
