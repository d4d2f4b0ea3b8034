import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkScript, type Exporter } from '../../src/exporters/index.ts';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import {
  type AnyAttrs,
  OP_NAMES,
  type OpName,
  opOf,
  type Program,
  ProgramBuilder,
  runProgram,
  sampleTensors,
  type Tensor,
} from '../../src/ir/index.ts';
import { at, type Diagnostic, unwrap } from '../../src/support/index.ts';

/** A program and inputs to compare it on. */
export interface Case {
  readonly name: string;
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}

/** The samples of an op: all operands as inputs, or all but the first as parameters. */
const sampleCase = (op: OpName, index: number, params: boolean): Case => {
  const sample = at(opOf(op).samples, index);
  const tensors = sampleTensors(sample, index + 1);
  const builder = new ProgramBuilder(op);
  const inputs: Tensor[] = [];
  const values = tensors.map((tensor, k) => {
    if (k > 0 && params) return builder.param(`p${k}`, tensor);
    inputs.push(tensor);
    return builder.input(`x${k}`, { dtype: tensor.dtype, shape: tensor.shape });
  });
  unwrap(builder.tryEmit(op, values, (sample.attrs ?? {}) as AnyAttrs, op)).forEach((v, k) => builder.output(`y${k}`, v));
  return { name: `${op}-${index}${params ? '-params' : ''}`, program: builder.finish(), inputs };
};

/** Every sample of every op, in both forms where there are two. */
export function* opCases(): Generator<Case> {
  for (const op of OP_NAMES)
    for (const index of opOf(op).samples.keys()) {
      yield sampleCase(op, index, false);
      if (at(opOf(op).samples, index).operands.length > 1) yield sampleCase(op, index, true);
    }
}

const write = (path: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
};

/** Exports a case into a folder, with what the reference makes of its inputs. @returns what keeps it from being exported */
export const writeCase = (exporter: Exporter, c: Case, folder: string): readonly Diagnostic[] => {
  const exported = exporter.export(c.program);
  if (!exported.ok) return exported.diagnostics;
  const outputs = runProgram(c.program, c.inputs);
  for (const { name, content } of exported.value.files) write(join(folder, name), content);
  write(join(folder, 'check.py'), checkScript(c.program));
  write(join(folder, 'vectors', 'list.txt'), 'v0\n');
  c.inputs.forEach((t, i) => write(join(folder, 'vectors', 'v0', `input${i}.npy`), encodeNpy(t)));
  outputs.forEach((t, i) => write(join(folder, 'vectors', 'v0', `output${i}.npy`), encodeNpy(t)));
  return [];
};
