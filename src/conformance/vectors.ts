import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OP_NAMES, type OpName } from '../ir/index.ts';
import { compareCodeUnits, diagnostic, fail, ok, type Result, sha256Hex } from '../support/index.ts';
import { operandText, type VectorCase } from './case.ts';
import { candidatesOf, definedCases, digestOf, expectedOf, type OnDefect } from './cases.ts';
import { candidatesOfGroup, type Group, GROUPS } from './groups/index.ts';

/** What has a vector file of its own: an op, or a lettered group of NUMERICS §8 that has vectors. */
export type Family = { readonly op: OpName } | { readonly group: Exclude<Group, 'J'> };

const isVectorGroup = (group: Group): group is Exclude<Group, 'J'> => group !== 'J';

export const FAMILIES_OF_VECTORS: readonly Family[] = [
  ...OP_NAMES.map((op): Family => ({ op })),
  ...GROUPS.filter(isVectorGroup).map((group): Family => ({ group })),
];

/** `conv.txt`, `group-A.txt` */
export const vectorFile = (family: Family): string => ('op' in family ? `${family.op}.txt` : `group-${family.group}.txt`);

/** Candidates of a family, in the order of its file. */
export const candidatesOfFamily = (family: Family): readonly VectorCase[] =>
  'op' in family ? candidatesOf(family.op) : candidatesOfGroup(family.group);

const HEADER = '# cortexc conformance vectors, format 1: docs/conformance.md';
const WHOLE = '-';

/** The id without data class and seed, and those. */
const splitId = (c: VectorCase): readonly [string, string] => {
  if (c.data === 'given') return [c.id, WHOLE];
  const suffix = `${c.data}.${c.seed}`;
  return [c.id.slice(0, -suffix.length - 1), suffix];
};

/** The text of a vector file, from all candidates of its family: a line in brackets for each shape class, then `data.seed digest` for each of its cases. */
export const vectorText = (candidates: readonly VectorCase[], onDefect?: OnDefect): string => {
  const lines = [HEADER];
  let last = '';
  for (const c of definedCases(candidates, onDefect)) {
    const [prefix, suffix] = splitId(c);
    if (prefix !== last) lines.push(`[${prefix}] ${c.shape.op} ${operandText(c.shape)} ${JSON.stringify(c.shape.attrs)}`);
    last = prefix;
    lines.push(`${suffix} ${digestOf(expectedOf(c))}`);
  }
  return `${lines.join('\n')}\n`;
};

/** Committed digests by case id. */
export interface VectorSet {
  readonly digests: ReadonlyMap<string, string>;
  /** SHA-256 over names and bytes of all files: names the set in reports. */
  readonly id: string;
}

/** Ids and digests of one vector file; undefined where the text is not one. */
export const readVectorText = (text: string): readonly (readonly [string, string])[] | undefined => {
  const [header, ...lines] = text.split('\n');
  if (header !== HEADER) return undefined;
  const entries: (readonly [string, string])[] = [];
  let prefix = '';
  for (const line of lines) {
    const section = /^\[([^\]]+)\]/.exec(line);
    const entry = /^(\S+) ([0-9a-f]{16})$/.exec(line);
    if (section !== null) prefix = section[1] ?? '';
    else if (entry !== null) entries.push([entry[1] === WHOLE ? prefix : `${prefix}/${entry[1]}`, entry[2] ?? '']);
    else if (line !== '') return undefined;
  }
  return entries;
};

/** `conformance/vectors` beside package.json, which stands above both src and dist. */
export const vectorFolder = (): string => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return join(folder, 'conformance', 'vectors');
  }
};

/** Reads a folder of vector files. Error: CNF0001. */
export const readVectors = (folder: string = vectorFolder()): Result<VectorSet> => {
  const broken = (problem: string): Result<VectorSet> =>
    fail(diagnostic('CNF0001', `${folder}: ${problem}`, { notes: ['The folder comes with cortexc; install it anew.'] }));
  let names: readonly string[];
  try {
    names = readdirSync(folder)
      .filter((name) => name.endsWith('.txt'))
      .sort(compareCodeUnits);
  } catch {
    return broken('there is no such folder');
  }
  if (names.length === 0) return broken('there are no vector files');
  const digests = new Map<string, string>();
  const parts: string[] = [];
  for (const name of names) {
    const text = readFileSync(join(folder, name), 'utf8');
    const entries = readVectorText(text);
    if (entries === undefined) return broken(`${name} is not a vector file of format 1`);
    for (const [id, digest] of entries) digests.set(id, digest);
    parts.push(`${name}\n`, text, '\0');
  }
  return ok({ digests, id: sha256Hex(...parts) });
};
