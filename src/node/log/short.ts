const COLORS: Readonly<Record<string, string>> = { debug: '\u001B[2m', warn: '\u001B[33m', error: '\u001B[31m' };
const RESET = '\u001B[0m';

/** A text on one line, without anything that a terminal would take as a command. */
const plain = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const shown = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
  return /\s/.test(shown) || shown === '' ? JSON.stringify(shown) : shown;
};

/** A line of the log (JSON) for people at a terminal: time, level, text, fields. */
export const shortLine = (json: string, color: boolean): string => {
  const { level, time, msg, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const name = String(level);
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${plain(value)}`);
  const line = `${clock} ${name.padEnd(5)} ${String(msg).replace(/[\p{Cc}\p{Cf}]/gu, ' ')}${rest.join('')}`;
  const start = color ? (COLORS[name] ?? '') : '';
  return `${start}${line}${start === '' ? '' : RESET}\n`;
};
