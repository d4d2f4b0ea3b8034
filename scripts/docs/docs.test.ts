import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { mrlGrammar } from '../../src/frontend/mrl/index.ts';
import { OP_NAMES } from '../../src/ir/index.ts';
import { GENERATED } from '../docs.ts';
import { ebnf, rulesOf } from './grammar.ts';
import { mrlTextMate } from './mrl.ts';
import { railroadPage } from './railroad.ts';

describe('generated documents', () => {
  test.each(Object.entries(GENERATED))('%s is up to date', async (path, make) => {
    expect(readFileSync(path, 'utf8') === (await make())).toBe(true);
  });
});

describe('the grammar', () => {
  const rules = rulesOf(mrlGrammar(), 'file');

  test('every rule that is mentioned is there', () => {
    const names = new Set(rules.map((r) => r.name));
    const mentioned = rules.flatMap((r) => JSON.stringify(r.body).match(/(?<="kind":"rule","name":")\w+/g) ?? []);
    expect(mentioned.filter((name) => !names.has(name))).toEqual([]);
    expect(rules.length).toBe(mrlGrammar().length);
  });

  test('EBNF of each construct', () => {
    const of = (name: string): string => ebnf(rules.find((r) => r.name === name)?.body ?? { kind: 'rule', name: 'missing' });
    expect(of('type')).toBe('typeName, "[", [ expression, { ",", expression } ], "]"');
    expect(of('block')).toBe('"{", { statement }, "}"');
    expect(of('argument')).toBe('[ name, ":" ], expression');
    expect(of('initializer')).toBe('"blob", DIGEST | expression');
  });

  test('diagrams stand alone and link to rules that exist', () => {
    const page = railroadPage('t', rules);
    expect(page).not.toMatch(/<script|src=|@import|url\(/);
    for (const [, target] of page.matchAll(/href="#(\w+)"/g)) expect(page).toContain(`<h2 id="${target}">`);
    expect(page).not.toMatch(/NaN|undefined/);
  });
});

describe('the TextMate grammar', () => {
  interface Pattern {
    readonly name?: string;
    readonly match?: string;
    readonly begin?: string;
    readonly end?: string;
    readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  }
  const { patterns, scopeName } = JSON.parse(mrlTextMate()) as { patterns: Pattern[]; scopeName: string };

  /** Scopes of a line by the TextMate rule: the earliest match, the first pattern among equals. */
  const scopes = (line: string): [string, string][] => {
    const found: [string, string][] = [];
    for (let at = 0; at < line.length; ) {
      let best: { pattern: Pattern; start: number; text: string } | undefined;
      for (const pattern of patterns) {
        const source = pattern.match ?? `${pattern.begin}.*?(?:${pattern.end})`;
        const regexp = new RegExp(source, 'g');
        regexp.lastIndex = at;
        const m = regexp.exec(line);
        if (m !== null && (best === undefined || m.index < best.start)) best = { pattern, start: m.index, text: m[0] };
      }
      if (best === undefined) break;
      found.push([best.text, best.pattern.name ?? best.pattern.captures?.['2']?.name ?? '']);
      at = best.start + Math.max(1, best.text.length);
    }
    return found;
  };

  test('colours a line', () => {
    expect(scopeName).toBe('source.mrl');
    expect(scopes('let y = conv(x, stride: [2, 1.5e-3]); // a "b"')).toEqual([
      ['let', 'storage.type.mrl'],
      ['y', 'variable.other.mrl'],
      ['=', 'keyword.operator.mrl'],
      ['conv', 'support.function.mrl'],
      ['x', 'variable.other.mrl'],
      ['stride', 'variable.parameter.mrl'],
      ['2', 'constant.numeric.mrl'],
      ['1.5e-3', 'constant.numeric.mrl'],
      ['// a "b"', 'comment.line.double-slash.mrl'],
    ]);
    expect(scopes('fn block(x, n: int)')[0]).toEqual(['fn block', 'entity.name.function.mrl']);
    expect(scopes('param layer1.input.w: f32[3] = random(seed: 1)').map(([, s]) => s)).toEqual([
      'storage.type.mrl',
      'variable.other.mrl',
      'support.type.mrl',
      'constant.numeric.mrl',
      'keyword.operator.mrl',
      'support.function.mrl',
      'variable.parameter.mrl',
      'constant.numeric.mrl',
    ]);
    expect(scopes('meta { a: "x // {n}" }').some(([text, s]) => text === '"x // {n}"' && s === 'string.quoted.double.mrl')).toBe(true);
  });

  test('knows every op', () => {
    for (const op of OP_NAMES) expect(scopes(`${op}(x)`)[0]).toEqual([op, 'support.function.mrl']);
  });
});
