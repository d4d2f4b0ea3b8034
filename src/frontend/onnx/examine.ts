import type { Program } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';
import { examineModel, type OnnxOptions, type OnnxPort, type OnnxSource } from './import.ts';
import type { NodeReport } from './values.ts';

/** What `cortexc doctor` tells about an ONNX model. */
export interface OnnxReport {
  readonly source: OnnxSource;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly nodes: readonly NodeReport[];
  readonly totals: { readonly nodes: number; readonly ok: number; readonly approximated: number; readonly unsupported: number };
  /** Every problem of the model, those of nodes included. Empty: the model can be imported. */
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /**
   * The program; with problems, its supported part, where results that could not be imported are inputs. Absent when
   * nothing is left.
   */
  readonly program: Program | undefined;
  /** There are problems: `program` is not the model. */
  readonly partial: boolean;
}

/** Examines every node of a model, supported or not. Bytes that are no ONNX model are one problem, without nodes. */
export const examineOnnx = (bytes: Uint8Array, options: OnnxOptions = {}): OnnxReport => {
  const { source, inputs, outputs, reports, problems, warnings, program } = examineModel(bytes, options);
  const count = (verdict: NodeReport['verdict']): number => reports.filter((r) => r.verdict === verdict).length;
  return {
    source,
    inputs,
    outputs,
    nodes: reports,
    totals: { nodes: reports.length, ok: count('ok'), approximated: count('approximated'), unsupported: count('unsupported') },
    problems,
    warnings,
    program,
    partial: problems.length > 0,
  };
};
