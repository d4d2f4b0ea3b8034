import { paramSourceOf, parseMrl } from '../../src/frontend/mrl/index.ts';
import { MRL_KEYWORDS, OP_NAMES, printProgram, type Program, verifyProgram } from '../../src/ir/index.ts';
import { at, ok, type Result } from '../../src/support/index.ts';
import { randomProgram } from '../../src/conformance/index.ts';
import { repositoryFile } from './files.ts';
import { join, mutateBytes } from './mutate.ts';
import type { Rng } from './rng.ts';
import { promise, type Target } from './target.ts';

/** What a person would write: functions, loops, conditions, lists, text. */
export const HANDWRITTEN = [
  `mrl 1;
meta { title: "small \\"net\\"", score: 0.5, version: 2 }
fn layer(x, outputs: int, last: bool = false) {
  param weight: f32[outputs, dim(x, -1)];
  let y = dense(x, weight);
  if !last { y = relu(y); }
  return y;
}
model net {
  input x: f32[N, 4];
  let sizes = [8, 3 + 1, 2];
  let y = x;
  for i in 0..len(sizes) { y = layer(y, sizes[i], i == len(sizes) - 1, label: "l{i}"); }
  output y = softmax(y, axis: -1);
}
`,
  `mrl 1;
model ints {
  input \`a b\`: i8[1, 2, 3, 3];
  param w: i6[2, 2, 1, 1] = [1, -2, 3, -31];
  param m: i32[1] = [20000]; param s: i32[1] = fill(24);
  let acc = conv(\`a b\`, w, stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0]);
  output y = rescale(acc, m, s, lo: -128, hi: 127, dtype: i8);
}
`,
  `mrl 1;
model calc {
  input x: f32[2, 3];
  let n = (1 + 2) * 3 - 7 / 2 % 5;
  let t = -1.5e-3;
  let parts = split(x, axis: 1, sizes: [1, 2]);
  output a = add(x, x); // comment
  output b = leaky_relu(x, alpha: 0.25);
}
`,
];

const WORDS: readonly [string, ...string[]] = [
  'mrl 1;',
  ...MRL_KEYWORDS,
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '..',
  ',',
  ';',
  ':',
  '=',
  '==',
  '!',
  '&&',
  '||',
  '-',
  '+',
  '*',
  '/',
  '%',
  '<',
  '0',
  '1',
  '-1',
  '1e999',
  '0x7fffffff',
  '2147483648',
  '9007199254740993',
  '99999999999999999999',
  '"',
  '"{',
  '}"',
  '\\',
  '`',
  '//',
  '\u0000',
  '\ufeff',
  '\u202e',
  'f32[N]',
  'i8[1, 2]',
  'i6[2147483647]',
  'f32[0]',
  'fill(0)',
  'random(1)',
  'x',
  'label: "a"',
  'dim(x, 0)',
  'len(x)',
  'sha256:',
  ...OP_NAMES,
];

const encoder = new TextEncoder();

const mutateWords = (rng: Rng, text: string): string => {
  const tokens = text.split(/(\s+|[A-Za-z_][\w.]*|\d+|.)/u).filter((t) => t !== '');
  const rounds = 1 + rng.below(4);
  for (let i = 0; i < rounds; i++) {
    const where = rng.below(tokens.length + 1);
    const kind = rng.below(6);
    if (kind < 2) tokens.splice(where, rng.below(2), rng.pick(WORDS));
    else if (kind === 2) tokens.splice(where, 1 + rng.below(6));
    else if (kind === 3) tokens.splice(where, 0, ...tokens.slice(rng.below(tokens.length + 1)).slice(0, 1 + rng.below(40)));
    else if (kind === 4) tokens[where] = tokens[rng.below(tokens.length)] ?? '';
    else if (rng.below(16) === 0) tokens.splice(where, 0, rng.pick(WORDS).repeat(1 + rng.below(20_000)));
  }
  return tokens.join('');
};

/** Random programs are too long to be interesting everywhere: parameters beyond a few elements go by name. */
const printed = (program: Program): string => printProgram(program, { form: 'readable', inlineLimit: 16 });

const checkAccepted = (program: Program): void => {
  promise(verifyProgram(program).ok, 'the accepted program does not pass the verifier');
  const canonical = printProgram(program, { form: 'canonical' });
  const source = paramSourceOf(program);
  const byDigest = parseMrl(canonical, { file: 'again.mrl', params: source });
  promise(byDigest.ok, `the canonical text is refused: ${byDigest.ok ? '' : JSON.stringify(byDigest.diagnostics[0])}`);
  promise(printProgram(byDigest.value.program, { form: 'canonical' }) === canonical, 'the canonical text prints as another');
  const readable = printProgram(program, { form: 'readable' });
  const again = parseMrl(readable, { file: 'again.mrl', params: source });
  promise(again.ok, `the printed text is refused: ${again.ok ? '' : JSON.stringify(again.diagnostics[0])}`);
  promise(printProgram(again.value.program, { form: 'canonical' }) === canonical, 'the printed text is another program');
};

/** Model strings: by bytes and by words. */
export const mrlTarget = (): Target => {
  const programs = Array.from({ length: 12 }, (_, i) => randomProgram(i, 1 + (i % 4)));
  const example = repositoryFile('examples/resnet152.mrl');
  const texts = [
    ...HANDWRITTEN,
    ...HANDWRITTEN,
    ...programs.map(printed),
    ...(example === undefined ? [] : [new TextDecoder().decode(example)]),
  ];
  const sources = programs.map((p) => paramSourceOf(p));
  const source = {
    byName: (name: string) => sources.map((s) => s.byName?.(name)).find((t) => t !== undefined),
    byDigest: (digest: string) => sources.map((s) => s.byDigest?.(digest)).find((t) => t !== undefined),
  };
  return {
    name: 'mrl',
    input: (rng) => {
      const text = at(texts, rng.below(texts.length));
      if (rng.below(3) > 0) return encoder.encode(mutateWords(rng, text));
      return mutateBytes(rng, encoder.encode(text), join(encoder.encode(at(texts, rng.below(texts.length)))));
    },
    decode: (input): Result<unknown> => {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(input);
      const parsed = parseMrl(text, { file: 'fuzz.mrl', params: source, unboundParams: 'error' });
      if (!parsed.ok) return parsed;
      checkAccepted(parsed.value.program);
      return ok(parsed.value);
    },
  };
};
