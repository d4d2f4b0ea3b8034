/** What client processes are given; every value is a text, for it travels as an argument. */
export interface LoadTask {
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  /** Address of the precompile that runs models. */
  readonly precompile: string;
  readonly model: string;
  readonly scorePrecompile: string;
  /** One way of attack instead of all. */
  readonly only?: string | undefined;
}

export const readTask = (): LoadTask => JSON.parse(process.argv[2] ?? '{}') as LoadTask;

export const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));

/** Numbers that repeat: xorshift32. */
export const randomFrom = (seed: number): (() => number) => {
  let x = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x / 2 ** 32;
  };
};

export const request = (id: number, method: string, params: readonly unknown[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

/** A request that got no answer, or a node that does not do its part. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}
