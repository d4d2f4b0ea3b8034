import { type AnyNode, attrNames, formatAttr, formatType, opOf, type StaticType, endorphinOf } from '../ir/index.ts';
import { at, ok, type Result, toHex } from '../support/index.ts';
import { opcodeOf } from './attr-codec.ts';
import type { CheckedModule } from './check.ts';
import { verifyBytecode } from './verify.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const header = ({ raw, cost }: CheckedModule, size: number): string[] => [
  `; CVM bytecode version ${raw.version}, ${size} bytes`,
  `; ${raw.inputs.length} inputs, ${raw.params.length} parameters, ${raw.nodes.length} nodes, ${raw.outputs.length} outputs`,
  `; one run: ${cost.operations} operations, ${endorphinOf(cost.operations)} endorphin`,
  `; memory: ${cost.parameterBytes} bytes of parameters, ${cost.memoryBytes} bytes with run-time values`,
  ...raw.sections.map((s) => `; ${hex(s.start, 8)}..${hex(s.end, 8)} ${s.name}, ${s.end - s.start} bytes`),
];

const attrText = (node: AnyNode): string => {
  const schema = opOf(node.op).attrs;
  return attrNames(schema)
    .flatMap((name) => {
      const spec = schema[name];
      const value = node.attrs[name];
      return spec === undefined || value === undefined ? [] : [` ${name}=${formatAttr(spec, value)}`];
    })
    .join('');
};

/** One line a node: byte offset, opcode, results with type and interval, op, operands with type, attributes. */
const code = ({ raw, skeleton }: CheckedModule): string[] => {
  const type = (v: number): string => formatType(at(skeleton.types, v) as StaticType);
  let next = 0;
  return (skeleton.nodes as readonly AnyNode[]).map((node, i) => {
    const results = node.results.map((r) => {
      if (at(skeleton.types, r).dtype === 'f32') return `%${r}: ${type(r)}`;
      const [lo, hi] = at(raw.bounds, next++);
      return `%${r}: ${type(r)} in [${lo}, ${hi}]`;
    });
    const operands = node.operands.map((v) => `%${v}: ${type(v)}`);
    return `${hex(at(raw.nodes, i).offset, 8)}  ${hex(opcodeOf(node.op, node.attrs), 2)}  ${results.join(', ')} = ${node.op} ${operands.join(', ')}${attrText(node)}`;
  });
};

/**
 * Text of checked bytecode: a summary, then inputs, parameters, code and outputs. Values are %0, %1, …: inputs, then
 * parameters, then results. Bytecode that does not pass `verifyBytecode` is not shown, since nothing about it can be trusted.
 */
export const disassemble = (bytes: Uint8Array): Result<string> => {
  const checked = verifyBytecode(bytes);
  if (!checked.ok) return checked;
  const { raw, skeleton } = checked.value;
  const lines = [
    ...header(checked.value, bytes.length),
    'inputs',
    ...raw.inputs.map((p, i) => `  %${i}: ${formatType(p.type)} = ${JSON.stringify(p.name)}`),
    'parameters',
    ...raw.params.map((p, i) => `  %${raw.inputs.length + i}: ${formatType(p.type)} = ${p.encoding} sha256:${toHex(p.digest)}`),
    'code',
    ...code(checked.value).map((line) => `  ${line}`),
    'outputs',
    ...raw.outputs.map((p) => `  ${JSON.stringify(p.name)} = %${p.value}: ${formatType(at(skeleton.types, p.value))}`),
    '',
  ];
  return ok(lines.join('\n'));
};
