/** Integers up to here, and all sums below, are exact in float32. */
export const EXACT = 2 ** 24;

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/**
 * A number as source text that every compiler behind gpu.js reads as the same: no exponents, negatives in brackets. Integers and powers of two are
 * exact, 2^-e = 5^e / 10^e; others, which are inverses, have 14 digits and more.
 */
export const num = (n: number): string => {
  if (Number.isInteger(n)) return n < 0 ? `(-${-n})` : `${n}`;
  if (isPowerOfTwo(n)) {
    const e = -Math.log2(n);
    return `0.${String(5n ** BigInt(e)).padStart(e, '0')}`;
  }
  return n.toFixed(20);
};

/** Below this, floor((i + 1/2) / n) is right although 1 / n is rounded twice (once as a literal): see `Code.quotient`. */
const SIMPLE_QUOTIENTS = 2 ** 21;

/**
 * Statements of a kernel. The language is what gpu.js takes as JavaScript, and of it only sums, products, comparisons and Math.floor, min and max
 * of float32: integer and bitwise operators and divisions give other results on some of its targets.
 */
export class Code {
  private readonly lines: string[] = [];
  private names = 0;
  private times = 1;
  /** Iterations of all loops of one call together. */
  iterations = 0;

  /** A name for the value of an expression. */
  let(expression: string): string {
    const name = `v${this.names++}`;
    this.line(`const ${name} = ${expression};`);
    return name;
  }
  /** A name whose value changes. */
  variable(initial: string): string {
    const name = `v${this.names++}`;
    this.line(`let ${name} = ${initial};`);
    return name;
  }
  line(text: string): void {
    this.lines.push(text);
  }
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    body();
    this.line('}');
  }
  /** A loop over from..to-1; the body is given the name of the counter. Nothing when there are none, no loop when there is one. */
  loop(from: number, to: number, body: (k: string) => void): void {
    if (to <= from) return;
    if (to === from + 1) return body(num(from));
    const [name, before] = [`k${this.names++}`, this.times];
    this.times *= to - from;
    this.iterations += this.times;
    this.block(`for (let ${name} = ${num(from)}; ${name} < ${num(to)}; ${name}++)`, () => body(name));
    this.times = before;
  }
  floor(expression: string): string {
    return this.let(`Math.floor(${expression})`);
  }

  /**
   * floor(i / n) for an integer 0 <= i < most <= 2^24. With r = fl(1 / n), whose literal may be off by one more bit, the product (i + 1/2) r is off
   * by less than 2^-22.4 of itself, and a quotient (i + 1/2) / n is at least 1 / (2 n) away from the next integer: right while i < 2^21.
   * Above, the result may be off by one, which its remainder tells.
   */
  quotient(i: string, n: number, most: number): string {
    if (n === 1) return i;
    if (n >= most) return '0';
    if (isPowerOfTwo(n)) return this.floor(`${i} * ${num(1 / n)}`);
    if (most <= SIMPLE_QUOTIENTS) return this.floor(`(${i} + 0.5) * ${num(1 / n)}`);
    const q = this.variable(`Math.floor(${i} * ${num(1 / n)})`);
    const rest = this.let(`${i} - ${q} * ${num(n)}`);
    this.line(`if (${rest} < 0) { ${q} = ${q} - 1; }`);
    this.line(`if (${rest} >= ${num(n)}) { ${q} = ${q} + 1; }`);
    return q;
  }
  /** i - n floor(i / n). */
  remainder(i: string, n: number, most: number): string {
    if (n === 1) return '0';
    if (n >= most) return i;
    return this.let(`${i} - ${this.quotient(i, n, most)} * ${num(n)}`);
  }

  text(): string {
    return this.lines.map((l) => `  ${l}\n`).join('');
  }
}

const isZero = (text: string): boolean => text === '0';
/** A product of two factors, one of which may be the literal 0 or 1. */
export const times = (a: string, n: number): string => (n === 0 || isZero(a) ? '0' : n === 1 ? a : `${a} * ${num(n)}`);
/** A sum without its zeros. */
export const plus = (...terms: readonly string[]): string => {
  const rest = terms.filter((t) => !isZero(t));
  return rest.length === 0 ? '0' : rest.join(' + ');
};
