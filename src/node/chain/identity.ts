import type { ChainOptions } from './options.ts';

/** Changes with what is in a store, and how. */
const FORMAT = 1;

/** What two chains have to have in common besides the time of their genesis, as texts. */
export const describeGenesis = ({
  chainId,
  hardfork,
  params,
  uploads,
  balances,
  gasLimit,
}: ChainOptions): Readonly<Record<string, string>> => {
  const words = (part: object): readonly (readonly [string, string])[] =>
    Object.entries(part).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries([
    ['format', String(FORMAT)],
    ['chain id', String(chainId)],
    ['hard fork', hardfork ?? 'cancun'],
    ['gas limit', String(gasLimit)],
    ...words(params),
    ...words(uploads),
    ...Array.from(balances, ([address, wei]) => [`balance of ${address}`, String(wei)] as const),
  ]);
};

/** A store has a chain that is not the one asked for. */
export class OtherChain extends Error {
  override readonly name = 'OtherChain';
  readonly what: string;
  readonly asked: string;
  readonly there: string;

  constructor(what: string, asked: string, there: string) {
    super(`${what}: ${asked} is asked for, the store has ${there}`);
    this.what = what;
    this.asked = asked;
    this.there = there;
  }

  /** The first difference between a description and the text of another. */
  static compare(asked: Readonly<Record<string, string>>, stored: string): OtherChain | undefined {
    let there: Readonly<Record<string, unknown>>;
    try {
      there = JSON.parse(stored) as Readonly<Record<string, unknown>>;
    } catch {
      return new OtherChain('description', 'a readable one', 'none');
    }
    const names = [...Object.keys(asked), ...Object.keys(there).filter((name) => !Object.hasOwn(asked, name))];
    const name = names.find((n) => asked[n] !== there[n]);
    const text = (value: unknown): string => (typeof value === 'string' ? value : 'none');
    return name === undefined ? undefined : new OtherChain(name, text(asked[name]), text(there[name]));
  }
}
