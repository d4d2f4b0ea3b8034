/** What a node remembers of models from one start to the next: which ran how often, and which were ready when it ended. */
export interface ModelMemory {
  readonly runs: readonly (readonly [model: string, runs: number])[];
  readonly ready: readonly string[];
}

/** Models that are remembered at most. */
const MOST = 4096;

export const encodeMemory = ({ runs, ready }: ModelMemory): string =>
  `${JSON.stringify({ version: 1, runs: runs.slice(0, MOST), ready: ready.slice(0, MOST) })}\n`;

const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const isRun = (value: unknown): value is readonly [string, number] =>
  Array.isArray(value) && value.length === 2 && isHash(value[0]) && Number.isSafeInteger(value[1]) && Number(value[1]) >= 0;

/** @returns undefined where the text is none: it is only remembered, so nothing is lost but that */
export const decodeMemory = (text: string): ModelMemory | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { runs, ready } = value as Readonly<Record<string, unknown>>;
  if (!Array.isArray(runs) || !Array.isArray(ready)) return undefined;
  return {
    runs: (runs as readonly unknown[]).filter(isRun).slice(0, MOST),
    ready: (ready as readonly unknown[]).filter(isHash).slice(0, MOST),
  };
};

/** Which models a node makes ready when it starts. */
export type PreloadChoice =
  | { readonly kind: 'all' }
  | { readonly kind: 'last' }
  | { readonly kind: 'top'; readonly count: number }
  | { readonly kind: 'address'; readonly address: string };

/** Reads `all`, `last`, `top:N` or an address. */
export const readPreload = (text: string): PreloadChoice | undefined => {
  if (text === 'all' || text === 'last') return { kind: text };
  const top = /^top:([1-9]\d{0,5})$/.exec(text);
  if (top !== null) return { kind: 'top', count: Number(top[1]) };
  return /^0x[0-9a-fA-F]{40}$/.test(text) ? { kind: 'address', address: text.toLowerCase() } : undefined;
};
