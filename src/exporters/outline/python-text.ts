const LONGEST_LINE = 118;

/** Where the arguments of the call that opens here end, and the arguments; undefined where there are none. */
const argumentsAt = (code: string, open: number): { readonly end: number; readonly parts: readonly string[] } | undefined => {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let i = open; i < code.length; i++) {
    const c = code.charAt(i);
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    if (depth > 1 || (depth === 1 && c !== ',')) continue;
    parts.push(code.slice(start, i).trim());
    start = i + 1;
    if (depth === 0) return parts.every((p) => p !== '') ? { end: i, parts } : undefined;
  }
  return undefined;
};

/** A line that is too long, with the arguments of its longest call on lines of their own. */
export const wrapped = (line: string): string => {
  const [, code = line, note = ''] = /^(.*?)(  # .*)?$/.exec(line) ?? [];
  if (code.length <= LONGEST_LINE || line.includes('\n')) return line;
  // a bracket around an expression is not one around arguments
  const calls = [...code.matchAll(/(?<=[\w\])])\(/g)].flatMap(({ index }) => {
    const found = argumentsAt(code, index);
    return found === undefined ? [] : [{ open: index, ...found }];
  });
  const [longest] = calls.sort((p, q) => q.end - q.open - (p.end - p.open));
  if (longest === undefined) return line;
  const { open, end, parts } = longest;
  return `${code.slice(0, open + 1)}\n${parts.map((p) => `    ${p},`).join('\n')}\n)${code.slice(end + 1)}${note}`;
};

/** Lines moved to the right. */
export const indent = (text: string, by = 4): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? line : ' '.repeat(by) + line))
    .join('\n');
