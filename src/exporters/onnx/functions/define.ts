import { opOf, type OpName } from '../../../ir/index.ts';
import { attributeMessage, type Attributes, ELEM, ELEM_OF, int64Tensor, type TensorMessage } from '../message.ts';
import { FUNCTION_DOMAIN } from './domain.ts';

/** Operator set of the default domain that bodies are written in. */
const BODY_OPSET = 21;

/** A model-local function: the exact meaning of one of our ops, in operators of the default domain. */
export interface FunctionDef {
  readonly opset: number;
  /** @returns a FunctionProto */
  readonly message: (name: string) => object;
}

/**
 * The body of a function while it is written. Integers are int64 inside, where every step of the ops is exact (NUMERICS §0: no
 * intermediate leaves 53 bits).
 */
export class Body {
  readonly nodes: object[] = [];
  private count = 0;

  all(opType: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): readonly string[] {
    const names = Array.from({ length: outputs }, () => `v${this.count++}`);
    this.nodes.push({
      opType,
      input: inputs,
      output: names,
      attribute: Object.entries(attributes).map(([name, v]) => attributeMessage(name, v)),
    });
    return names;
  }
  one(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.all(opType, inputs, attributes)[0] ?? '';
  }
  private constantOf(attributes: Attributes): string {
    return this.one('Constant', [], attributes);
  }

  int(value: number): string {
    return this.constantOf({ value_int: value });
  }
  ints(values: readonly number[]): string {
    return this.constantOf({ value_ints: values });
  }
  float(value: number): string {
    return this.constantOf({ value_float: { float: value } });
  }
  tensor(message: TensorMessage): string {
    return this.constantOf({ value: { tensor: message } });
  }
  table(values: ArrayLike<number>): string {
    return this.tensor(int64Tensor('table', [values.length], Array.from(values)));
  }
  /** An attribute of the function, as a scalar or list of int64, or a float. */
  attr(name: string): string {
    return this.constantOf({ value_int: { ref: name, kind: 'int' } });
  }
  attrs(name: string): string {
    return this.constantOf({ value_ints: { ref: name, kind: 'ints' } });
  }
  attrFloat(name: string): string {
    return this.constantOf({ value_float: { ref: name, kind: 'float' } });
  }

  cast(x: string, elem: number): string {
    return this.one('Cast', [x], { to: elem });
  }
  long(x: string): string {
    return this.cast(x, ELEM.int64);
  }
  /** To the dtype that an attribute of the function names. */
  castTo(x: string, attribute: string): string {
    return this.one('Cast', [x], { to: { ref: attribute, kind: 'int' } });
  }
  add(a: string, b: string): string {
    return this.one('Add', [a, b]);
  }
  sub(a: string, b: string): string {
    return this.one('Sub', [a, b]);
  }
  mul(a: string, b: string): string {
    return this.one('Mul', [a, b]);
  }
  min(a: string, b: string): string {
    return this.one('Min', [a, b]);
  }
  max(a: string, b: string): string {
    return this.one('Max', [a, b]);
  }
  clip(x: string, lo: string, hi: string): string {
    return this.min(this.max(x, lo), hi);
  }
  less(a: string, b: string): string {
    return this.one('Less', [a, b]);
  }
  equal(a: string, b: string): string {
    return this.one('Equal', [a, b]);
  }
  where(c: string, a: string, b: string): string {
    return this.one('Where', [c, a, b]);
  }
  /** Truncates toward zero; b is not 0. */
  div(a: string, b: string): string {
    return this.one('Div', [a, b]);
  }
  /** Rounds down, b > 0: Div truncates, and Mod has the sign of b. */
  floorDiv(a: string, b: string): string {
    return this.div(this.sub(a, this.one('Mod', [a, b])), b);
  }
  gather(table: string, index: string): string {
    return this.one('Gather', [table, index]);
  }
  /** 2^s for 0 <= s < 63. BitShift takes unsigned integers alone. */
  pow2(s: string): string {
    const one = this.cast(this.int(1), ELEM.uint64);
    return this.long(this.one('BitShift', [one, this.cast(s, ELEM.uint64)], { direction: 'LEFT' }));
  }
  /** floor(x / 2^s) for s >= 0 */
  shiftRight(x: string, s: string): string {
    return this.floorDiv(x, this.pow2(s));
  }
  /** floor((x + 2^(s - 1)) / 2^s), x itself for s = 0 */
  rshr(x: string, s: string): string {
    const p = this.pow2(s);
    // 1 / 2 is 0
    return this.floorDiv(this.add(x, this.div(p, this.int(2))), p);
  }
  /** floor((2 a + b) / (2 b)) for b > 0 */
  rdiv(a: string, b: string): string {
    const two = this.int(2);
    return this.floorDiv(this.add(this.mul(a, two), b), this.mul(b, two));
  }
  shape(x: string): string {
    return this.one('Shape', [x]);
  }
  rank(x: string): string {
    return this.one('Size', [this.shape(x)]);
  }
  reshape(x: string, shape: string): string {
    return this.one('Reshape', [x, shape], { allowzero: 1 });
  }
  concat(...parts: readonly string[]): string {
    return this.one('Concat', parts, { axis: 0 });
  }
  /** [n] from a scalar. */
  vector(scalar: string): string {
    return this.one('Reshape', [scalar, this.ints([1])]);
  }
  /** As many ones as a scalar says; none below 0. */
  onesOf(count: string): string {
    const length = this.vector(this.max(count, this.int(0)));
    return this.one('ConstantOfShape', [length], { value: { tensor: int64Tensor('one', [1], [1]) } });
  }
  /** A vector over axis 1 of x, or of one entry, so that it broadcasts to x. */
  alongChannels(vector: string, x: string): string {
    const trailing = this.onesOf(this.sub(this.rank(x), this.int(2)));
    return this.one('Reshape', [vector, this.concat(this.ints([-1]), trailing)]);
  }
  sum(x: string, axes: string, keep = 1): string {
    return this.one('ReduceSum', [x, axes], { keepdims: keep, noop_with_empty_axes: 1 });
  }
}

interface FunctionSpec {
  readonly op: OpName;
  readonly inputs: readonly string[];
  readonly outputs?: number;
  readonly opset?: number;
  readonly body: (b: Body, inputs: readonly string[]) => string | readonly string[];
}

/** Declares a function with all attributes of an op. */
export const define = ({ op, inputs, body, opset = BODY_OPSET }: FunctionSpec): FunctionDef => ({
  opset,
  message: (name) => {
    const b = new Body();
    const made = body(b, inputs);
    return {
      name,
      domain: FUNCTION_DOMAIN,
      input: inputs,
      output: typeof made === 'string' ? [made] : made,
      attribute: Object.keys(opOf(op).attrs),
      node: b.nodes,
      opsetImport: [{ domain: '', version: opset }],
    };
  },
});

/** A cast of integers that saturates: int64 in. */
export const saturated = (b: Body, x: string, dtype: 'i8' | 'u8' | 'i16' | 'i32'): string => {
  const [lo, hi] = { i8: [-128, 127], u8: [0, 255], i16: [-32768, 32767], i32: [-(2 ** 31), 2 ** 31 - 1] }[dtype] as [number, number];
  return b.cast(b.clip(x, b.int(lo), b.int(hi)), ELEM_OF[dtype]);
};
