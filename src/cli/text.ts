/** 1.2 ms, 340 ms, 4.5 s, 2 min 05 s. */
export const formatDuration = (ms: number): string => {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
};

/** 812 B, 19.5 KB, 97.8 MB (powers of 1,000). */
export const formatBytes = (bytes: number): string => {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} KB`;
  if (bytes < 999_950_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
};

/** 1,234,567: the same on every machine. */
export const formatCount = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

export const formatPercent = (share: number): string => `${(100 * share).toFixed(2)} %`;

type Align = 'left' | 'right';

/** A table in plain text: columns as wide as their widest cell, two spaces apart, no trailing spaces. */
export const formatTable = (header: readonly string[], rows: readonly (readonly string[])[], align: readonly Align[] = []): string => {
  const all = [header, ...rows];
  const widths = header.map((_, c) => all.reduce((w, row) => Math.max(w, (row[c] ?? '').length), 0));
  const line = (row: readonly string[]): string =>
    widths
      .map((w, c) => {
        const cell = row[c] ?? '';
        return align[c] === 'right' ? cell.padStart(w) : cell.padEnd(w);
      })
      .join('  ')
      .trimEnd();
  return `${[line(header), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n')}\n`;
};

/** Name and value, one a line, values aligned. */
export const formatFacts = (facts: readonly (readonly [string, string])[]): string => {
  const width = facts.reduce((w, [name]) => Math.max(w, name.length), 0);
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
};

/** Text from a file or a model, made safe for a terminal: control characters but newline and tab are shown, not sent. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
