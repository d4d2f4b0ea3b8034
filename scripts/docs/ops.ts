import { type AttrSpec, attrNames, FAMILIES, formatAttr, type OpName, opOf, type AnyOp } from '../../src/ir/index.ts';
import { costExample, dtypesOf } from './signatures.ts';

const cell = (text: string): string => text.replace(/\|/g, '\\|');
const INT_LIMIT = 2 ** 31;

const typeOf = (spec: AttrSpec): string => {
  switch (spec.kind) {
    case 'int':
      return 'integer';
    case 'ints':
      return 'list of integers';
    case 'f32':
      return 'float32';
    case 'bool':
      return 'bool';
    case 'enum':
      return 'text';
    case 'dtype':
      return 'dtype';
    default:
      return spec satisfies never;
  }
};

const rangeOf = (spec: AttrSpec): string => {
  if (spec.kind === 'int' || spec.kind === 'ints')
    return spec.min === -INT_LIMIT && spec.max === INT_LIMIT - 1 ? 'int32' : `${spec.min} to ${spec.max}`;
  if (spec.kind === 'enum') return spec.values.map((v) => `"${v}"`).join(', ');
  return spec.kind === 'f32' ? 'finite' : '';
};

const attrTable = (op: AnyOp): string[] => {
  const names = attrNames(op.attrs);
  if (names.length === 0) return [];
  const rows = names.flatMap((name) => {
    const spec = op.attrs[name];
    if (spec === undefined) return [];
    const fallback = spec.default === undefined ? 'required' : `\`${formatAttr(spec, spec.default)}\``;
    return [`| \`${name}\` | ${typeOf(spec)} | ${cell(rangeOf(spec))} | ${fallback} |`];
  });
  return ['', '| attribute | type | range | default |', '|---|---|---|---|', ...rows];
};

const operandText = (name: string): string =>
  name.startsWith('...') ? `${name.slice(3)} (one or more)` : name.endsWith('?') ? `${name.slice(0, -1)} (optional)` : name;

const traitsOf = (op: AnyOp): string => {
  const traits = Object.entries(op.traits).flatMap(([name, on]) => (on === true ? [name] : []));
  return traits.length === 0 ? '' : `; ${traits.join(', ')}`;
};

const opSection = (name: OpName): string[] => {
  const op = opOf(name);
  const code = `0x${op.code.toString(16).padStart(2, '0')}`;
  const constraints = Object.entries(op.constraints).map(([label, c]) => `- \`${name}_${label}\`: ${c.text}`);
  return [
    `### ${name}`,
    '',
    `${op.summary} Code \`${code}\`, ${op.kind}${traitsOf(op)}.`,
    '',
    op.doc,
    '',
    `Operands: ${op.operands.map(operandText).join(', ')}. Results: ${op.results.map(operandText).join(', ')}.`,
    '',
    `dtypes: ${dtypesOf(name)
      .map((d) => `\`${d}\``)
      .join('; ')}. Cost: ${costExample(name)}.`,
    ...attrTable(op),
    ...(constraints.length === 0 ? [] : ['', ...constraints]),
    '',
  ];
};

/** docs/ops.md: every op, from the registry. */
export const opsPage = (): string => {
  const families = Object.entries(FAMILIES).map(([family, ops]) => ({
    family,
    names: (Object.keys(ops) as OpName[]).toSorted((a, b) => opOf(a).code - opOf(b).code),
  }));
  const count = families.reduce((n, f) => n + f.names.length, 0);
  const composites = families.reduce((n, f) => n + f.names.filter((name) => opOf(name).kind === 'composite').length, 0);
  return [
    '<!-- Generated from src/ir/ops by npm run docs: do not edit. -->',
    '',
    '# Ops',
    '',
    `${count} ops, ${composites} of them composites: a composite means what its decomposition means, and a backend may add a faster row that`,
    'gives the same bits. A violated constraint is reported by its label, such as `conv_c4`. In `.mrl` text operands stand in order and',
    'attributes by name; one that has its default may be left out. *fl* rounds to float32; *rshr* and the orders F2, F3 are defined in',
    'docs/numerics.md. The dtypes are those that an op accepts, operands → results, T being one dtype at all its places; the cost, in operations',
    'that Endorphin counts, is that of an example.',
    '',
    '| op | code | kind | summary |',
    '|---|---|---|---|',
    ...families.flatMap(({ names }) =>
      names.map(
        (n) => `| [${n}](#${n}) | \`0x${opOf(n).code.toString(16).padStart(2, '0')}\` | ${opOf(n).kind} | ${cell(opOf(n).summary)} |`,
      ),
    ),
    '',
    ...families.flatMap(({ family, names }) => [`## ${family}`, '', ...names.flatMap(opSection)]),
  ].join('\n');
};
