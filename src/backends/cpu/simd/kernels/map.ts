import { elementCount } from '../../../../ir/index.ts';
import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import type { Kind } from '../machine.ts';
import { broadcastStrides, collapse, nestRows } from './nest.ts';

export const ACCESS_BYTES = { i8: 1, u8: 1, i16: 2, i32: 4, f32: 4, f64: 8, i64: 8 } as const satisfies Record<Access, number>;
const kindOf = (access: Access): Kind => (access === 'f32' || access === 'f64' || access === 'i64' ? access : 'i32');

/** An elementwise function: how one element is computed, and four at once where that is possible. */
export interface MapSpec {
  /** Unique per function: kernels of one name are shared. */
  readonly name: string;
  readonly inputs: readonly Access[];
  readonly output: Access;
  /** Extra arguments, the same for all elements. */
  readonly extra?: readonly Kind[];
  readonly scalar: (f: Fn, xs: readonly Local[], extra: readonly Local[]) => Val;
  /** Four elements of 4 bytes each. */
  readonly vector?: (f: Fn, xs: readonly Local[], extra: readonly Local[]) => Ex | Local;
  /** Eight elements of 1 byte each, given as i16 lanes; the bytes of the result in the low half. */
  readonly vector8?: (f: Fn, xs: readonly Local[], extra: readonly Local[]) => Ex;
}

const splat = (f: Fn, access: Access, value: Ex): Ex => (access === 'f32' ? f.ops.f32x4.splat(value) : f.ops.i32x4.splat(value));

/** map(to, from..., count, extra...) over one row; operand k repeats its one element where `repeats[k]`. */
const mapKernel = (asm: Asm, spec: MapSpec, repeats: readonly boolean[]): string => {
  const name = `${spec.name}_${spec.inputs.join('')}_${spec.output}_${repeats.map((r) => (r ? '0' : '1')).join('')}`;
  const extra = spec.extra ?? [];
  const n = spec.inputs.length;
  const kinds: Kind[] = ['i32', ...spec.inputs.map((): Kind => 'i32'), 'i32', ...extra];
  return asm.define(name, kinds, undefined, (f) => {
    const { i32 } = f.ops;
    const to = f.arg(0);
    const from = spec.inputs.map((_, k) => f.arg(1 + k));
    const count = f.arg(n + 1);
    const extras = extra.map((_, k) => f.arg(n + 2 + k));
    const bytes = ACCESS_BYTES[spec.output];
    const end = f.i32(i32.add(to, i32.mul(count, bytes)));
    const advance = (elements: number): void => {
      f.inc(to, elements * bytes);
      from.forEach((p, k) => repeats[k] !== true && f.inc(p, elements * ACCESS_BYTES[spec.inputs[k] ?? 'i32']));
    };
    const { vector } = spec;
    if (vector !== undefined) {
      const fixed = from.map((p, k) =>
        repeats[k] === true ? f.v128(splat(f, spec.inputs[k] ?? 'i32', f.load(spec.inputs[k] ?? 'i32', p))) : undefined,
      );
      const end4 = f.i32(i32.add(to, i32.mul(i32.and(count, -4), bytes)));
      f.while(
        () => i32.lt_u(to, end4),
        () => {
          const xs = from.map((p, k) => fixed[k] ?? f.v128(f.vload('load', p)));
          f.vstore(to, vector(f, xs, extras));
          advance(4);
        },
      );
    }
    if (spec.vector8 !== undefined) emitBytes(f, spec, spec.vector8, repeats, to, from, count, extras, advance);
    f.while(
      () => i32.lt_u(to, end),
      () => {
        const xs = from.map((p, k) => f.let(kindOf(spec.inputs[k] ?? 'i32'), f.load(spec.inputs[k] ?? 'i32', p)));
        f.store(spec.output, to, spec.scalar(f, xs, extras));
        advance(1);
      },
    );
  });
};

/** The loop over whole groups of eight bytes. */
const emitBytes = (
  f: Fn,
  spec: MapSpec,
  vector: NonNullable<MapSpec['vector8']>,
  repeats: readonly boolean[],
  to: Local,
  from: readonly Local[],
  count: Local,
  extras: readonly Local[],
  advance: (elements: number) => void,
): void => {
  const { i32, i16x8 } = f.ops;
  const fixed = from.map((p, k) => (repeats[k] === true ? f.v128(i16x8.splat(f.load(spec.inputs[k] ?? 'i8', p))) : undefined));
  const end = f.i32(i32.add(to, i32.and(count, -8)));
  f.while(
    () => i32.lt_u(to, end),
    () => {
      const xs = from.map((p, k) => fixed[k] ?? f.v128(f.vload(spec.inputs[k] === 'u8' ? 'load8x8_u' : 'load8x8_s', p)));
      f.storeLane(64, 0, to, vector(f, xs, extras));
      advance(8);
    },
  );
};

export interface MapOperand {
  readonly address: Val;
  readonly shape: readonly number[];
}

/** Emits an elementwise function over broadcast operands, or the calling thread's share of it. */
export const emitMap = (
  f: Fn,
  asm: Asm,
  spec: MapSpec,
  out: MapOperand,
  operands: readonly MapOperand[],
  extra: (f: Fn) => readonly Val[] = () => [],
  divided = false,
): void => {
  if (elementCount(out.shape) === 0) return;
  const unit = ACCESS_BYTES[spec.output];
  const { sizes, strides } = collapse({
    sizes: out.shape,
    strides: [
      broadcastStrides(out.shape, out.shape, unit),
      ...operands.map((o, k) => broadcastStrides(o.shape, out.shape, ACCESS_BYTES[spec.inputs[k] ?? 'i32'])),
    ],
  });
  const inner = sizes.length - 1;
  const repeats = operands.map((_, k) => (strides[k + 1]?.[inner] ?? 0) === 0);
  const kernel = mapKernel(asm, spec, repeats);
  const bases = [out.address, ...operands.map((o) => o.address)];
  nestRows(f, { sizes, strides }, bases, (pointers, count) => f.do(f.call(kernel, [...pointers, count, ...extra(f)])), divided);
};
