import {
  type AnyAttrs,
  type AnyOp,
  attrNames,
  completeAttrs,
  DTYPE_INFO,
  type DType,
  formatType,
  inferNode,
  isStaticType,
  type OpName,
  opOf,
  parseType,
  type Sample,
  type StaticType,
} from '../../src/ir/index.ts';
import { at, compareCodeUnits, invariant } from '../../src/support/index.ts';

const DTYPES = Object.keys(DTYPE_INFO) as readonly DType[];
/** Combinations tried for one sample; ops with more operands vary operands that share a dtype together. */
const MAX_COMBINATIONS = 2500;

/** dtypes of the operands, then of the results. */
type Signature = readonly DType[];
/** A cell is a set of dtypes, or the letter that stands for one dtype at all its places. */
type Cell = readonly string[];
interface Row {
  readonly cells: readonly Cell[];
  /** What T may be; empty when no cell is T. */
  readonly letters: readonly string[];
}

const typesOf = (sample: Sample): readonly StaticType[] =>
  sample.operands.map((o) => {
    const type = parseType(typeof o === 'string' ? o : o.type);
    invariant(type !== undefined && isStaticType(type), 'sample operands have sizes');
    return type;
  });

/** Every way to give a dtype to each of the groups of operands. */
function* assignments(groups: number): Generator<readonly DType[]> {
  const total = DTYPES.length ** groups;
  for (let i = 0; i < total; i++) {
    const chosen: DType[] = [];
    for (let g = 0, rest = i; g < groups; g++, rest = Math.floor(rest / DTYPES.length)) chosen.push(at(DTYPES, rest % DTYPES.length));
    yield chosen;
  }
}

/** The group of each operand: its own while there are few, else shared by the operands that have its dtype in the sample. */
const groupsOf = (operands: readonly StaticType[], variadic: boolean): readonly number[] => {
  if (variadic) return operands.map(() => 0);
  if (DTYPES.length ** operands.length <= MAX_COMBINATIONS) return operands.map((_, i) => i);
  const seen = [...new Set(operands.map((o) => o.dtype))];
  return operands.map((o) => seen.indexOf(o.dtype));
};

/** The attributes of a sample, once for each value of an attribute that is a dtype. */
const attrChoices = (op: AnyOp, attrs: AnyAttrs): readonly AnyAttrs[] => {
  const name = attrNames(op.attrs).find((n) => op.attrs[n]?.kind === 'dtype');
  return name === undefined ? [attrs] : DTYPES.map((dtype) => ({ ...attrs, [name]: dtype }));
};

/** dtypes that the op takes, found by asking its inference with the shapes and attributes of each sample. */
const signaturesOf = (name: OpName): readonly Signature[] => {
  const op = opOf(name);
  const found = new Map<string, Signature>();
  for (const sample of op.samples) {
    const operands = typesOf(sample);
    const groups = groupsOf(operands, op.operands.at(-1)?.startsWith('...') === true && op.operands.length === 1);
    for (const given of attrChoices(op, (sample.attrs ?? {}) as AnyAttrs)) {
      const attrs = completeAttrs(name, given);
      if (!attrs.ok) continue;
      for (const chosen of assignments(Math.max(...groups) + 1)) {
        const typed = operands.map((o, i) => ({ dtype: at(chosen, at(groups, i)), shape: o.shape }));
        const results = inferNode(name, typed, attrs.value);
        if (!results.ok) continue;
        const shown = op.operands.at(-1)?.startsWith('...') === true ? typed.slice(0, op.operands.length) : typed;
        const signature = [...shown, ...results.value.slice(0, op.results.length)].map((t) => t.dtype);
        found.set(signature.join(), signature);
      }
    }
  }
  return [...found.values()];
};

/** Signatures that differ by one dtype at all places of a mask; the mask with the largest such family. */
const largestFamily = (signatures: readonly Signature[]): { readonly mask: number; readonly members: readonly Signature[] } => {
  let best: { mask: number; members: readonly Signature[] } = { mask: 0, members: [] };
  const length = at(signatures, 0).length;
  for (let mask = 0; mask < 2 ** length; mask++) {
    if (mask.toString(2).replace(/0/g, '').length < 2) continue;
    const families = new Map<string, Signature[]>();
    for (const s of signatures) {
      const letters = new Set(s.filter((_, i) => (mask >> i) & 1));
      if (letters.size !== 1) continue;
      const key = s.map((d, i) => ((mask >> i) & 1 ? 'T' : d)).join();
      families.set(key, [...(families.get(key) ?? []), s]);
    }
    for (const members of families.values()) if (members.length >= Math.max(2, best.members.length)) best = { mask, members };
  }
  return best;
};

const sameCells = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/** Joins rows that differ in one cell only, until none do. */
const joined = (rows: readonly Row[]): readonly Row[] => {
  for (const [i, a] of rows.entries()) {
    for (const [j, b] of rows.entries()) {
      if (j <= i || a.cells.length !== b.cells.length || !sameCells(a.letters, b.letters)) continue;
      const different = a.cells.flatMap((cell, k) => (sameCells(cell, at(b.cells, k)) ? [] : [k]));
      const [k, ...more] = different;
      if (k === undefined || more.length > 0 || at(a.cells, k).includes('T') || at(b.cells, k).includes('T')) continue;
      const cell = [...at(a.cells, k), ...at(b.cells, k)];
      const merged = { letters: a.letters, cells: a.cells.map((c, l) => (l === k ? cell : c)) };
      return joined([...rows.slice(0, i), merged, ...rows.slice(i + 1, j), ...rows.slice(j + 1)]);
    }
  }
  return rows;
};

const plainRow = (s: Signature): Row => ({ cells: s.map((d) => [d]), letters: [] });

/** Signatures of one length as few rows. */
const compressed = (all: readonly Signature[]): readonly Row[] => {
  // rows join better when those that differ at the end only stand together
  const inOrder = all.toSorted((a, b) => compareCodeUnits(a.join(), b.join()));
  const [lettered, plain] = [withLetters(all), joined(inOrder.map(plainRow))];
  return plain.length < lettered.length ? plain : lettered;
};

const withLetters = (all: readonly Signature[]): readonly Row[] => {
  const sets = at(all, 0).map((_, i) => DTYPES.filter((d) => all.some((s) => s[i] === d)));
  if (sets.reduce((n, set) => n * set.length, 1) === all.length) return [{ cells: sets, letters: [] }];
  const rows: Row[] = [];
  let left = all;
  while (left.length > 1) {
    const { mask, members } = largestFamily(left);
    if (members.length < 2) break;
    const first = at(members, 0);
    const position = Math.log2(mask & -mask);
    rows.push({
      cells: first.map((d, i) => [(mask >> i) & 1 ? 'T' : d]),
      letters: members.map((m) => at(m, position)).toSorted((a, b) => DTYPES.indexOf(a) - DTYPES.indexOf(b)),
    });
    left = left.filter((s) => !members.includes(s));
  }
  return joined([...rows, ...left.map(plainRow)]);
};

const cellText = (cell: Cell): string => (cell.length === 1 ? at(cell, 0) : `{${DTYPES.filter((d) => cell.includes(d)).join(' ')}}`);

/** The dtypes an op takes and gives, such as `T, i32 → T (T: i8 u8 i16)`; found by asking its inference. */
export const dtypesOf = (name: OpName): readonly string[] => {
  const { results } = opOf(name);
  const lengths = new Map<number, Signature[]>();
  for (const s of signaturesOf(name)) lengths.set(s.length, [...(lengths.get(s.length) ?? []), s]);
  return [...lengths.values()].flatMap((signatures) =>
    compressed(signatures)
      .map(({ cells, letters }) => {
        const texts = cells.map(cellText);
        const given = texts.slice(0, texts.length - results.length).join(', ');
        const bound = letters.length === 0 ? '' : ` (T: ${letters.join(' ')})`;
        return `${given}${given === '' ? '' : ' '}→ ${texts.slice(texts.length - results.length).join(', ')}${bound}`;
      })
      .toSorted(compareCodeUnits),
  );
};

/** Cost of the first sample, as an example: operand types and the count. */
export const costExample = (name: OpName): string => {
  const op = opOf(name);
  const sample = at(op.samples, 0);
  const operands = typesOf(sample);
  const attrs = completeAttrs(name, (sample.attrs ?? {}) as AnyAttrs);
  invariant(attrs.ok, `a sample of ${name} has wrong attributes`);
  const results = inferNode(name, operands, attrs.value);
  invariant(results.ok, `a sample of ${name} is refused`);
  const cost = op.cost(operands, attrs.value, results.value as readonly StaticType[]);
  return `${cost} for (${operands.map(formatType).join(', ')}) → ${results.value.map(formatType).join(', ')}`;
};
