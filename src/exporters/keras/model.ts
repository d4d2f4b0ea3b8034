import { typeOf } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { bracketed, type Dialect, shapeNote, writeBody } from '../outline/body.ts';
import { type Block, type BodyItem, type BlockItem, numbered, type SequenceItem, type StepItem } from '../outline/classes.ts';
import { render, type Slot, type ValueRef } from '../outline/code.ts';
import type { Model } from '../outline/model.ts';
import { identifier, quoted, snakeCase } from '../outline/python-names.ts';
import { indent, wrapped } from '../outline/python-text.ts';
import { HELPERS } from './helpers.ts';
import { KERAS_DTYPE, transposeText } from './text.ts';

type Parameters = (slot: Slot) => string | undefined;

/** Where an item stands: what its layers' names begin with, as Python writes it. */
interface Place {
  /** Names of the functions of blocks. */
  readonly functions: ReadonlySet<string>;
  /** A block is called with its own name. */
  readonly inBlock: boolean;
  readonly prefix: string;
  readonly parameter: Parameters;
}

/** The name of a layer as a Python expression; `{i}` is the place in a loop. */
const nameText = (place: Place, own: string): string => {
  const path = `${place.prefix}${own}`;
  const text = place.inBlock ? `{name}.${path}` : path;
  return text.includes('{') ? `f${quoted(text)}` : quoted(text);
};

const functionName = (block: Block): string => snakeCase(block.name);

const fieldText = (place: Place, item: StepItem, index: number): string => {
  const { name, field } = at(item.fields, index);
  if (field.isTensor === true) return `WEIGHTS[${nameText(place, name)}]`;
  const made = render(field.make, { slot: place.parameter });
  return `${made}${made.endsWith('(') ? '' : ', '}name=${nameText(place, name)})`;
};

const stepText = (place: Place, item: StepItem, value: (ref: ValueRef, alone: boolean) => string): string =>
  render(item.leaf.step.code, { value, slot: place.parameter, field: (i) => fieldText(place, item, i) });

const blockCall = (place: Place, item: BlockItem, operands: readonly string[]): string => {
  const args = item.args.map((slot) => `${slot.hint}=${place.parameter(slot) ?? slot.text}`);
  return `${functionName(item.block)}(${[...operands, ...args, `name=${nameText(place, item.name)}`].join(', ')})`;
};

/** Members one after another; those that are alike are a loop. */
const sequenceLines = (place: Place, item: SequenceItem, operand: string, result: string): readonly string[] => {
  const inner: Place = { ...place, prefix: `${place.prefix}${item.name}.` };
  const lines: string[] = [];
  const textOf = (member: BodyItem, number: string, x: string): readonly string[] => {
    if (member.kind === 'sequence') return sequenceLines(inner, { ...member, name: number }, x, result);
    const named = { ...numbered(member, 0), ...(member.kind === 'block' ? { name: number } : {}) };
    if (named.kind === 'block') return [`${result} = ${blockCall(inner, named, [x])}`];
    const step: StepItem = { ...(named as StepItem), fields: (named as StepItem).fields.map((f) => ({ ...f, name: number })) };
    return [`${result} = ${stepText(inner, step, (ref) => (ref.perm === undefined ? x : transposeText(x, ref.perm)))}`];
  };
  const { items } = item.inside;
  let current = operand;
  for (let i = 0; i < items.length; ) {
    const generic = textOf(at(items, i), '{i}', result).join('\n');
    let end = i + 1;
    while (end < items.length && textOf(at(items, end), '{i}', result).join('\n') === generic) end++;
    const isLoop = end - i > 1 && at(items, i).kind === 'block';
    if (isLoop && current !== result) lines.push(`${result} = ${current}`);
    if (isLoop)
      lines.push(`for i in range(${i === 0 ? end : `${i}, ${end}`}):`, ...textOf(at(items, i), '{i}', result).map((l) => indent(l)));
    else {
      end = i + 1;
      lines.push(...textOf(at(items, i), String(i), current));
    }
    current = result;
    i = end;
  }
  return lines;
};

const dialect = (place: Place): Dialect => ({
  reserved: place.functions,
  // layers stand on lines of their own
  nests: (item) =>
    item.kind === 'step' && item.fields.every(({ field }) => field.isTensor === true) && !/layers[.]/.test(stepText(place, item, () => '')),
  permute: transposeText,
  expression: (item, value) => {
    if (item.kind === 'sequence') return undefined;
    if (item.kind === 'step') return stepText(place, item, value);
    return blockCall(
      place,
      item,
      item.inside.operands.map((v) => value({ kind: 'value', value: v }, true)),
    );
  },
  statements: (item, [operand = 'x'], result) => (item.kind === 'sequence' ? sequenceLines(place, item, operand, result) : []),
});

const OPERANDS = ['x', 'y', 'z'];

const blockText = (block: Block, functions: ReadonlySet<string>): string => {
  const names = block.body.operands.map((_, i) => OPERANDS[i] ?? `x${i + 1}`);
  const { lines, results } = writeBody(block.body, names, dialect({ functions, inBlock: true, prefix: '', parameter: block.parameterOf }));
  const doc = block.places === 1 ? 'Stands once in the model.' : `Stands ${block.places} times in the model.`;
  return [
    `def ${functionName(block)}(${[...names, ...block.parameters, 'name'].join(', ')}):`,
    indent(`"""${doc}"""`),
    ...[...lines, `return ${results.join(', ')}`].map((l) => indent(wrapped(l))),
  ].join('\n');
};

/** model.py: helpers, blocks, the model, and how it is loaded. */
export const modelText = ({ program, outline, layouts, outputs, helpers }: Model): string => {
  const names =
    program.inputs.length === 1
      ? ['x']
      : program.inputs.map((p, i) => identifier(`${p.name}_${i}`.replace(/_0$/, i === 0 ? '' : '_0'), 'x'));
  const nameOf = new Map(program.inputs.map((p, i) => [p.value, at(names, i)]));
  const { body } = outline;
  const functions = new Set([...outline.blocks.map(functionName), ...helpers]);
  const place: Place = { functions, inBlock: false, prefix: '', parameter: () => undefined };
  const { lines, results } = writeBody(
    body,
    body.operands.map((v) => nameOf.get(v) ?? `x${v}`),
    dialect(place),
    (item) => shapeNote(program, item, (v) => layouts.perm(v)),
  );
  const textOf = new Map(body.results.map((v, i) => [v, at(results, i)]));
  const value = (ref: ValueRef): string => {
    const known = textOf.get(ref.value) ?? nameOf.get(ref.value) ?? '';
    return ref.perm === undefined ? known : transposeText(bracketed(known), ref.perm);
  };
  const inputs = program.inputs.map((p, i) => {
    const { shape, dtype } = typeOf(program, p.value);
    const [batch, ...rest] = shape.map((d) => (typeof d === 'number' ? String(d) : 'None'));
    const sizes = `(${rest.join(', ')}${rest.length === 1 ? ',' : ''})`;
    return `${at(names, i)} = keras.Input(${batch === undefined ? 'batch_shape=()' : `${sizes}, batch_size=${batch}`}, dtype=${KERAS_DTYPE[dtype]}, name=${quoted(`input_${i}`)})`;
  });
  const own = names.map((n, i) => `${i === 0 ? '' : ''}${n}`);
  const list = own.length === 1 ? 'inputs' : 'inputs';
  const returned = outputs.map((code) => render(code, { value }));
  const doc = [
    ...program.inputs.map((p) => `${p.name}: ${typeOf(program, p.value).dtype}[${typeOf(program, p.value).shape.join(', ')}]`),
    ...program.outputs.map((p) => `returns ${typeOf(program, p.value).dtype}[${typeOf(program, p.value).shape.join(', ')}] (${p.name})`),
  ].join('\n');
  const build = [
    'def build():',
    indent(`"""${doc}\n"""`),
    ...inputs.map((l) => indent(l)),
    indent(`${list} = [${own.join(', ')}]`),
    ...lines.map((l) => indent(wrapped(l))),
    indent(wrapped(`outputs = [${returned.join(', ')}]`)),
    indent('return keras.Model(inputs, outputs)'),
  ].join('\n');
  const load = [
    'def load():',
    indent('"""The model with its weights, ready to run."""'),
    indent('model = build()'),
    indent('for layer in model.layers:'),
    indent('layer.set_weights([WEIGHTS[f"{layer.name}.{w.name}"] for w in layer.weights])', 8),
    indent('return model'),
  ].join('\n');
  return `${[
    'from pathlib import Path\n\nimport keras\nimport numpy as np\nfrom keras import layers, ops\nfrom safetensors.numpy import load_file',
    'WEIGHTS = load_file(Path(__file__).with_name("model.safetensors"))',
    ...helpers.map((h) => HELPERS[h] ?? ''),
    ...outline.blocks.map((b) => blockText(b, functions)),
    build,
    load,
  ].join('\n\n\n')}\n`;
};
