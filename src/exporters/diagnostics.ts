import type { AnyNode } from '../ir/index.ts';
import { type Diagnostic, diagnostic } from '../support/index.ts';

/** @param place - index of the node, for nodes without a name */
const whereOf = (node: AnyNode, place: number): string => node.origin ?? `node ${place} (${node.op})`;

export const opRefused = (framework: string, node: AnyNode, place: number, reason: string): Diagnostic =>
  diagnostic('EXP0001', `${framework} cannot do ${node.op}: ${reason}`, { where: whereOf(node, place) });

export const useRefused = (framework: string, node: AnyNode, place: number, reason: string): Diagnostic =>
  diagnostic('EXP0002', `${framework} cannot do this ${node.op}: ${reason}`, { where: whereOf(node, place) });

/** What the exported model does not have exactly as it was. */
export const inexact = (what: string): Diagnostic => diagnostic('EXP0004', what, { severity: 'warning' });

/** An op that ONNX has, in a form that a framework which reads ONNX does not take. */
export const readerRefused = (framework: string, op: string): Diagnostic =>
  diagnostic(
    'EXP0002',
    `${framework} cannot do this ${op}: it is a function in ONNX, whose integer operators the reader of ${framework} does not have`,
    {
      notes: ['Emit C or WebAssembly for integer programs, or export the float model.'],
    },
  );
