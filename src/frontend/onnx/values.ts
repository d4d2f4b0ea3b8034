import type { Shape, ValueId } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';
import type { ElemName, HostTensor } from './elem.ts';

/** A named ONNX value whose type is known: computed at run time (`wire`), known at import (`host`), or a `sequence` of such values. */
export interface KnownValue {
  readonly known: true;
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: Shape;
  readonly host?: HostTensor;
  readonly wire?: ValueId;
  readonly sequence?: readonly KnownValue[];
}

/** The result of a node that could not be imported, or of one that depends on such a node. */
export interface UnknownValue {
  readonly known: false;
  readonly name: string;
  /** The node at the root of the trouble. */
  readonly cause: string;
}

export type Value = KnownValue | UnknownValue;

export const hostValue = (name: string, host: HostTensor): KnownValue => ({
  known: true,
  name,
  elem: host.elem,
  shape: host.shape,
  host,
});

/**
 * What an importer gives for one output of its node: a value of the program, with the element type when it is not the obvious
 * one; a constant; a value that is there already; or a sequence of such values.
 */
export type Made =
  | ValueId
  | { readonly value: ValueId; readonly elem: ElemName }
  | { readonly host: HostTensor }
  | { readonly same: KnownValue }
  | { readonly sequence: readonly KnownValue[]; readonly elem: ElemName };

/** What happened to one node of the user's model. */
export interface NodeReport {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** Opset version that the model imports for the domain. */
  readonly version: number | undefined;
  readonly verdict: 'ok' | 'approximated' | 'unsupported';
  readonly reason?: string;
  /** Ops of the program that the node became, in order; empty when it was computed at import or could not be checked. */
  readonly becomes: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}
