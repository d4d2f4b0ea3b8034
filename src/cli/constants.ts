import type { InputConstant } from '../frontend/onnx/index.ts';
import { decodeNpy } from '../frontend/tensors/index.ts';
import { closest, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { Context } from './context.ts';
import { optionValue } from './diagnostics.ts';

export type Constants = ReadonlyMap<string, InputConstant>;

/** `7`, `[1,3,224,224]` or `[]`; undefined when the text is none of them. */
const literal = (text: string): InputConstant | undefined => {
  const list = /^\[(.*)\]$/.exec(text.trim());
  const inner = (list?.[1] ?? text).trim();
  const words = inner === '' ? [] : inner.split(',').map((w) => w.trim());
  if ((list === null && words.length !== 1) || words.some((w) => w === '' || !Number.isFinite(Number(w)))) return undefined;
  return { shape: list === null ? [] : [words.length], values: words.map(Number) };
};

/** Whether a constant is written out, and not the name of a file. */
export const isLiteral = (text: string): boolean => literal(text) !== undefined;

const fromFile = (context: Context, path: string): Result<InputConstant> => {
  const file = context.read(path, 'tensor');
  if (!file.ok || path.toLowerCase().endsWith('.pb')) return file;
  const array = decodeNpy(file.value, { name: path });
  return array.ok ? ok({ shape: array.value.shape, values: array.value.data }) : array;
};

/** Reads `--const axes=[0,2] --const k=5 --const sizes=sizes.npy`; errors CLI1003 and those of the files. */
export const parseConstants = (context: Context, words: readonly string[]): Result<Constants> => {
  const problems: Diagnostic[] = [];
  const constants = new Map<string, InputConstant>();
  for (const word of words) {
    const cut = word.indexOf('=');
    const [name, text] = [word.slice(0, cut), word.slice(cut + 1)];
    if (cut < 1 || text === '') {
      problems.push(optionValue('const', `is ${word} but takes NAME=VALUES or NAME=FILE, such as axes=[0,2] or sizes=sizes.npy`));
      continue;
    }
    const own = literal(text);
    const value = own === undefined ? fromFile(context, text) : ok(own);
    if (value.ok) constants.set(name, value.value);
    else problems.push(...value.diagnostics);
  }
  return problems.length > 0 ? fail(...problems) : ok(constants);
};

/** Constants that name no input of the model. */
export const unknownConstants = (constants: Constants, inputs: readonly string[]): readonly Diagnostic[] =>
  [...constants.keys()]
    .filter((name) => !inputs.includes(name))
    .map((name) => {
      const near = closest(name, inputs);
      const has = inputs.length === 0 ? 'The model has no inputs.' : `The inputs are ${inputs.join(', ')}.`;
      return optionValue(
        'const',
        `names ${name}, which is no input of the model`,
        near === undefined ? [has] : [`Did you mean ${near}?`, has],
      );
    });
