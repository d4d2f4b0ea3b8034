import { MRL_BINARY_OPERATORS, MRL_BUILTINS, MRL_GENERATORS, mrlGrammar } from '../../src/frontend/mrl/index.ts';
import { DTYPES, MRL_KEYWORDS, MRL_NAME, OP_NAMES } from '../../src/ir/index.ts';
import { ebnf, rulesOf } from './grammar.ts';
import { railroadPage } from './railroad.ts';

const rules = () => rulesOf(mrlGrammar(), 'file');

/** grammar/mrl.ebnf */
export const mrlEbnf = (): string => {
  const width = rules().reduce((n, rule) => Math.max(n, rule.name.length), 0);
  const precedence = MRL_BINARY_OPERATORS.map((level, i) => `   ${i + 1}. ${level.join('  ')}`);
  return [
    '(* The grammar of .mrl, version 1. Generated from the parser by npm run docs: do not edit. *)',
    '',
    ...rules().map(({ name, body }) => `${name.padEnd(width)} = ${ebnf(body)} ;`),
    '',
    '(* OPERATOR by precedence, weakest first; all associate to the left:',
    ...precedence,
    '   SIGN is - or !, and binds stronger than all of them; an index binds stronger than a sign. *)',
    '',
    '(* Terminals, as regular expressions:',
    `   NAME     ${MRL_NAME.source}  that is no keyword and no dtype,  or any characters of one line in backticks`,
    '   INTEGER  [0-9]+',
    '   FLOAT    [0-9]+(\\.[0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)',
    '   TEXT     "…" on one line; \\" \\\\ \\n \\r \\t \\{ \\} escape; {name} inserts a compile-time value',
    '   DIGEST   sha256:[0-9a-f]{64}',
    `   DTYPE    ${DTYPES.join('  ')}`,
    `   Keywords ${MRL_KEYWORDS.join('  ')}`,
    '   Space, tabs and line ends separate words; a comment goes from // to the end of its line. *)',
    '',
  ].join('\n');
};

/** grammar/mrl.railroad.html */
export const mrlRailroad = (): string => railroadPage('The grammar of .mrl', rules());

const words = (list: Iterable<string>): string => `\\b(?:${[...list].join('|')})\\b`;
const notDotted = (pattern: string): string => `(?<![.\\w])${pattern}(?![.\\w])`;

/** grammar/mrl.tmLanguage.json: highlighting for editors that read TextMate grammars. */
export const mrlTextMate = (): string => {
  const control = new Set(['for', 'in', 'if', 'else', 'return']);
  const constants = new Set(['true', 'false', 'inf', 'nan']);
  const storage = MRL_KEYWORDS.filter((k) => !control.has(k) && !constants.has(k));
  const call = '(?=\\s*\\()';
  const patterns = [
    { name: 'comment.line.double-slash.mrl', match: '//.*$' },
    {
      name: 'string.quoted.double.mrl',
      begin: '"',
      end: '"|$',
      patterns: [
        { name: 'constant.character.escape.mrl', match: '\\\\.' },
        { name: 'variable.other.interpolated.mrl', match: '\\{[A-Za-z_][A-Za-z0-9_.]*\\}' },
      ],
    },
    { name: 'variable.other.quoted.mrl', match: '`[^`]*`' },
    { name: 'constant.other.digest.mrl', match: '\\bsha256:[0-9a-f]{64}\\b' },
    {
      match: `\\b(fn|model)\\s+(${MRL_NAME.source})`,
      captures: { 1: { name: 'storage.type.mrl' }, 2: { name: 'entity.name.function.mrl' } },
    },
    { name: 'keyword.control.mrl', match: notDotted(words(control)) },
    { name: 'constant.language.mrl', match: notDotted(words(constants)) },
    { name: 'storage.type.mrl', match: notDotted(words(storage)) },
    { name: 'support.type.mrl', match: notDotted(words(DTYPES)) },
    { name: 'support.function.mrl', match: `${notDotted(words([...OP_NAMES, ...MRL_BUILTINS, ...MRL_GENERATORS]))}${call}` },
    { name: 'entity.name.function.mrl', match: `${MRL_NAME.source}${call}` },
    { name: 'variable.parameter.mrl', match: '\\b[A-Za-z_][A-Za-z0-9_]*(?=\\s*:)' },
    { name: 'constant.numeric.mrl', match: '(?<![A-Za-z0-9_.])[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?' },
    { name: 'keyword.operator.mrl', match: '\\|\\||&&|[=!<>]=|[-+*/%<>!=]|\\.\\.' },
    { name: 'variable.other.mrl', match: MRL_NAME.source },
  ];
  const grammar = {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    name: 'MRL',
    scopeName: 'source.mrl',
    fileTypes: ['mrl'],
    patterns,
  };
  return `${JSON.stringify(grammar, undefined, 2)}\n`;
};
