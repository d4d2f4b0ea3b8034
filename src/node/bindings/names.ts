/** Words that neither a Solidity nor a TypeScript identifier may be, and names that generated code uses itself. */
const TAKEN: ReadonlySet<string> = new Set(
  (
    'abstract after alias anonymous apply as assembly auto await bool break byte bytes calldata case catch class const constant constructor continue contract ' +
    'copyof debugger default define delete do else emit enum error event export extends external fallback false final finally fixed for from function hex ' +
    'if immutable implements import in indexed inline instanceof int interface internal is let library macro mapping match memory modifier mutable new ' +
    'null of override package payable pragma private promise protected public pure receive reference relocatable return returns sealed sizeof static storage ' +
    'string struct super supports switch this throw true try typedef typeof ufixed uint unchecked unicode using var view virtual void while with yield ' +
    'arguments eval undefined address model outputs packed run label input index abi block msg tx now require assert revert'
  ).split(' '),
);

/** Types of Solidity with a size, and what Infer.sol and InferOps.sol define. */
const SIZED = /^(u?int\d*|bytes\d*|u?fixed\w*|infer|inferOps|inferFailed)$/i;

const ascii = (text: string): string => text.normalize('NFKD').replace(/[^A-Za-z0-9]+/g, ' ').trim(); // biome-ignore format: short

/** `lowerCamelCase` of a text of any kind; `fallback` where nothing of it is left. */
export const camelCase = (text: string, fallback: string): string => {
  const words = ascii(text).slice(0, 64).split(' ').filter((w) => w !== ''); // biome-ignore format: short
  const joined = words.map((w, i) => (i === 0 ? w.charAt(0).toLowerCase() : w.charAt(0).toUpperCase()) + w.slice(1)).join('');
  const name = joined === '' ? fallback : /^\d/.test(joined) ? `_${joined}` : joined;
  return TAKEN.has(name) || SIZED.test(name) ? `${name}_` : name;
};

export const pascalCase = (text: string, fallback: string): string => {
  const name = camelCase(text, fallback).replace(/^_/, 'M').replace(/_$/, 'Model');
  return name.charAt(0).toUpperCase() + name.slice(1);
};

/** Makes names differ: the second of equals gets 2 behind it, and so on. */
export const unique = (names: readonly string[]): readonly string[] => {
  const used = new Set<string>();
  return names.map((name) => {
    let candidate = name;
    for (let n = 2; used.has(candidate.toLowerCase()); n++) candidate = `${name}${n}`;
    used.add(candidate.toLowerCase());
    return candidate;
  });
};

/** A text in a comment or a string of generated code: nothing ends either, or changes the direction of what is read. */
export const harmless = (text: string, length = 120): string =>
  Array.from(text.slice(0, length), (c) => (/[\x20-\x7e]/.test(c) && !'\\"`*/$'.includes(c) ? c : ' '))
    .join('')
    .replace(/ +/g, ' ')
    .trim();
