const LONGEST_LINE = 118;

/** A call that is too long for a line, an argument a line. */
export const wrapped = (line: string): string => {
  const [, code = line, note = ''] = /^(.*?)(  # .*)?$/.exec(line) ?? [];
  // a bracket around an expression is not one around arguments
  const open = code.search(/(?<=[\w\])])\(/);
  if (code.length <= LONGEST_LINE || open < 0 || line.includes('\n')) return line;
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  let end = -1;
  for (let i = open; i < code.length && end < 0; i++) {
    const c = code.charAt(i);
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    const closes = depth === 0;
    if (!closes && !(c === ',' && depth === 1)) continue;
    parts.push(code.slice(start, i).trim());
    start = i + 1;
    if (closes) end = i;
  }
  if (end < 0 || parts.length === 0) return line;
  return `${code.slice(0, open + 1)}\n${parts.map((p) => `    ${p},`).join('\n')}\n)${code.slice(end + 1)}${note}`;
};

/** Lines moved to the right. */
export const indent = (text: string, by = 4): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? line : ' '.repeat(by) + line))
    .join('\n');
