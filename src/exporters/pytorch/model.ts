import { type Program, type ValueId, typeOf } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { Names } from '../names.ts';
import { bracketed, type Dialect, shapeNote, writeBody } from '../outline/body.ts';
import { type Block, type Body, type BodyItem } from '../outline/classes.ts';
import { render, type Slot } from '../outline/code.ts';
import type { Model } from '../outline/model.ts';
import { camelCase, identifier } from '../outline/python-names.ts';
import { indent, wrapped } from '../outline/python-text.ts';
import { HELPERS } from './helpers.ts';
import { permuteText } from './text.ts';

type Parameters = (slot: Slot) => string | undefined;
const NONE: Parameters = () => undefined;

/** Arguments of the place of a block. */
const argumentsOf = (item: Extract<BodyItem, { kind: 'block' }>, parameter: Parameters): string =>
  item.args.map((slot, i) => `${i < 2 || item.args.length < 4 ? '' : `${slot.hint}=`}${parameter(slot) ?? slot.text}`).join(', ');

/** The expression that constructs an item, and lines of it where it is a sequence. */
const construct = (item: BodyItem, parameter: Parameters): string => {
  switch (item.kind) {
    case 'step': {
      const [first] = item.fields;
      return first === undefined ? (item.leaf.step.module ?? '') : render(first.field.make, { slot: parameter });
    }
    case 'block':
      return `${item.block.name}(${argumentsOf(item, parameter)})`;
    case 'sequence':
      return sequence(item.inside, parameter);
    default:
      return item satisfies never;
  }
};

/** Members that are constructed alike are a loop. */
const sequence = ({ items }: Body, parameter: Parameters): string => {
  const made = items.map((member) => construct(member, parameter));
  const runs: { text: string; count: number }[] = [];
  for (const text of made) {
    const last = runs.at(-1);
    if (last?.text === text) last.count++;
    else runs.push({ text, count: 1 });
  }
  const parts = runs.flatMap(({ text, count }) => (count < 3 ? Array<string>(count).fill(text) : [`*[${text} for _ in range(${count})]`]));
  const line = `nn.Sequential(${parts.join(', ')})`;
  return line.length <= 100 && !line.includes('\n') ? line : `nn.Sequential(\n${parts.map((p) => indent(p)).join(',\n')},\n)`;
};

/** The statements that construct the fields of a body. */
const fieldLines = (body: Body, parameter: Parameters): readonly string[] =>
  body.items.flatMap((item) => {
    if (item.kind !== 'step') return [`self.${item.name} = ${construct(item, parameter)}`];
    return item.fields.map(({ name, field }) => `self.${name} = ${render(field.make, { slot: parameter })}`);
  });

const DIALECT: Dialect = {
  nests: () => true,
  reserved: new Set(),
  permute: permuteText,
  statements: () => [],
  expression: (item, value) => {
    if (item.kind !== 'step')
      return `self.${item.name}(${item.inside.operands.map((v) => value({ kind: 'value', value: v }, true)).join(', ')})`;
    return render(item.leaf.step.code, { value, field: (i) => `self.${at(item.fields, i).name}` });
  },
};

const classText = (
  name: string,
  doc: string,
  parameters: readonly string[],
  init: readonly string[],
  operands: readonly string[],
  forward: readonly string[],
): string =>
  [
    `class ${name}(nn.Module):`,
    indent(`"""${doc}"""`),
    '',
    ...(init.length === 0 && parameters.length === 0
      ? []
      : [
          indent(`def __init__(self${parameters.map((p) => `, ${p}`).join('')}):`),
          indent('super().__init__()', 8),
          ...init.map((l) => indent(wrapped(l), 8)),
          '',
        ]),
    indent(`def forward(self${operands.map((o) => `, ${o}`).join('')}):`),
    ...forward.map((l) => indent(wrapped(l), 8)),
  ].join('\n');

const OPERANDS = ['x', 'y', 'z'];
const operandNames = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => OPERANDS[i] ?? `x${i + 1}`);

const blockText = (block: Block): string => {
  const names = operandNames(block.body.operands.length);
  const { lines, results } = writeBody(block.body, names, DIALECT);
  const doc = block.places === 1 ? 'Stands once in the model.' : `Stands ${block.places} times in the model.`;
  return classText(block.name, doc, block.parameters, fieldLines(block.body, block.parameterOf), names, [
    ...lines,
    `return ${results.join(', ')}`,
  ]);
};

const shapeText = (program: Program, value: ValueId): string => {
  const type = typeOf(program, value);
  return `${type.dtype}[${type.shape.join(', ')}]`;
};

/** The class of the whole model is called as the program is, if that is a name. */
const modelName = (program: Program, taken: ReadonlySet<string>): string => {
  const own = camelCase(program.name.replace(/[^A-Za-z0-9]+/g, ' ').trim());
  const known = /^(torch.*|main|graph.*|model.*|tf2onnx|untitled|program|onnx.*|cntk.*|)$/i.test(program.name) ? 'Model' : own;
  return taken.has(known) ? `${known}Model` : known;
};

/** model.py: helpers, blocks, the model, and how it is loaded. */
export const modelText = ({ program, outline, layouts, outputs, helpers }: Model): string => {
  const taken = new Names((wanted) => identifier(wanted, 'x'));
  const parameters = program.inputs.length === 1 ? ['x'] : program.inputs.map((p) => taken.take(p.name));
  const nameOf = new Map(program.inputs.map((p, i) => [p.value, at(parameters, i)]));
  const { body } = outline;
  const { lines, results } = writeBody(
    body,
    body.operands.map((v) => nameOf.get(v) ?? `x${v}`),
    DIALECT,
    (item) => shapeNote(program, item, (v) => layouts.perm(v)),
  );
  const textOf = new Map(body.results.map((v, i) => [v, at(results, i)]));
  const returned = outputs.map((code) =>
    render(code, {
      value: (ref) => {
        const known = textOf.get(ref.value) ?? nameOf.get(ref.value) ?? '';
        return ref.perm === undefined ? known : permuteText(bracketed(known), ref.perm);
      },
      field: () => '',
    }),
  );
  const name = modelName(program, new Set([...outline.blocks.map((b) => b.name), ...helpers]));
  const doc = [
    ...program.inputs.map(
      (p, i) => `${at(parameters, i)}: ${shapeText(program, p.value)}${p.name === at(parameters, i) ? '' : ` (${p.name})`}`,
    ),
    ...program.outputs.map((p) => `returns ${shapeText(program, p.value)} (${p.name})`),
  ];
  const text = classText(name, `${doc.join('\n')}\n`, [], fieldLines(body, NONE), parameters, [...lines, `return ${returned.join(', ')}`]);
  const definitions = helpers.map((h) => HELPERS[h] ?? '');
  return (
    [
      [
        'import math',
        'from pathlib import Path',
        '',
        'import torch',
        'import torch.nn.functional as F',
        'from safetensors.torch import load_file',
        'from torch import nn',
      ]
        .slice(definitions.some((d) => d.includes('math.')) ? 0 : 1)
        .join('\n'),
      ...definitions,
      ...outline.blocks.map(blockText),
      text,
      `def load(path=Path(__file__).with_name("model.safetensors")):\n    """The model with its weights, ready to run."""\n    model = ${name}()\n    model.load_state_dict(load_file(path))\n    return model.eval()`,
    ].join('\n\n\n') + '\n'
  );
};
