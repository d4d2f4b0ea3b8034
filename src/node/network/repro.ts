import { encodePackage } from '../../cvm-bytecode/index.ts';
import { encodeNpy } from '../../frontend/tensors/index.ts';
import { canonicalize, printProgram, type AnyNode, type OpNode, type Program, type Tensor, valueId } from '../../ir/index.ts';
import { at, sha256Hex } from '../../support/index.ts';

/** Files by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Most elements of parameters that are written into the text of a program. */
const INLINE = 50_000;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Values that a node reads and that are no parameters, each once. */
export const operandValues = (program: Program, index: number): Program['outputs'][number]['value'][] => {
  const params = new Set(program.params.map((p) => p.value));
  return [...new Set(at(program.nodes, index).operands)].filter((v) => !params.has(v));
};

/** One op of a program as a program of its own: its operands are the inputs, but for parameters. */
export const oneOp = (program: Program, index: number): Program => {
  const node = at(program.nodes, index);
  return canonicalize({
    ...program,
    inputs: operandValues(program, index).map((value, i) => ({ name: `x${i}`, value })),
    nodes: [node as OpNode],
    outputs: node.results.map((value, i) => ({ name: `o${i}`, value: valueId(value) })),
  });
};

interface Given {
  /** The program to run: one op, or the whole model. */
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  readonly own: readonly Tensor[];
  /** Those of the peer; empty where they are not known, or larger than a node sends. */
  readonly peer: readonly Tensor[];
  /** Lines of the report. */
  readonly report: readonly string[];
}

/** What somebody needs to see the difference again: program, inputs, both outputs, and the command. */
export const reproFiles = ({ program, inputs, own, peer, report }: Given): Files => {
  const files = new Map<string, Uint8Array>();
  const elements = program.params.reduce((n, p) => n + p.tensor.data.length, 0);
  const source = { format: 'mrl', file: 'repro.mrl', sha256: '', compilerVersion: 'node' };
  if (elements <= INLINE) files.set('repro.mrl', utf8(printProgram(program, { form: 'readable', inlineLimit: INLINE })));
  else {
    const text = printProgram(program, { form: 'readable' });
    const words = { name: 'repro', author: '', description: '', licence: '', version: '' };
    const packed = encodePackage({ program, metadata: { ...words, source: { ...source, sha256: sha256Hex(text) } } });
    if (packed.ok) files.set('repro.cvm', packed.value);
    files.set('repro.txt', utf8(text));
  }
  inputs.forEach((t, i) => files.set(`input-${i}.npy`, encodeNpy(t)));
  own.forEach((t, i) => files.set(`own-${i}.npy`, encodeNpy(t)));
  peer.forEach((t, i) => files.set(`peer-${i}.npy`, encodeNpy(t)));
  const model = files.has('repro.mrl') ? 'repro.mrl' : 'repro.cvm';
  const given = inputs.map((_, i) => `input-${i}.npy`).join(' ');
  const ops = (program.nodes as readonly AnyNode[]).map((n) => n.op);
  const lines = [
    ...report,
    ops.length === 1 ? `op: ${ops[0] ?? ''}` : `program: ${ops.length} ops`,
    '',
    'To see it again, on the backend of either node:',
    `  cortexc run ${model} ${given} --backend NAME --raw --out-dir seen --verify`,
    'own-*.npy are the outputs of the node that wrote this, peer-*.npy those of its peer. --verify compares with the reference interpreter.',
  ];
  return files.set('report.txt', utf8(`${lines.join('\n')}\n`));
};
