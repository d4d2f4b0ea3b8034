/**
 * Which models were asked for, and when: JSON lines {"t": milliseconds since the first, "model": hash, "bytes": that it holds, when this is
 * known}. Other fields may follow.
 */
export interface TraceLine {
  readonly t: number;
  readonly model: string;
  readonly bytes?: number;
}

/** Lines of a trace as they come; times are those of the clock that is given. */
export const createModelTrace = (
  write: (line: string) => void,
  now: () => number,
): ((model: string, bytes: number | undefined) => void) => {
  let first: number | undefined;
  return (model, bytes) => {
    const time = now();
    first ??= time;
    const line: TraceLine = { t: Math.round(time - first), model, ...(bytes === undefined ? {} : { bytes }) };
    write(`${JSON.stringify(line)}\n`);
  };
};

const isLine = (value: unknown): value is TraceLine => {
  if (typeof value !== 'object' || value === null) return false;
  const { t, model, bytes } = value as Readonly<Record<string, unknown>>;
  const isCount = (n: unknown): boolean => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  return isCount(t) && typeof model === 'string' && (bytes === undefined || isCount(bytes));
};

/** Reads a trace. @returns a text: which line is none. A last line without an end, as a node leaves it that was killed, is left out. */
export const readModelTrace = (text: string): readonly TraceLine[] | string => {
  const lines = text.split('\n');
  const last = lines.pop();
  const trace: TraceLine[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return `line ${i + 1} is no JSON`;
    }
    if (!isLine(value)) return `line ${i + 1} has no t (milliseconds) and model (text)`;
    trace.push(value);
  }
  return trace.length === 0 && last !== undefined && last !== '' ? 'there is no whole line' : trace;
};
