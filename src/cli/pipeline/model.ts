import type { Package } from '../../cvm-bytecode/index.ts';
import type { Program } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';

/** A model that is not compiled yet. */
export interface SourceModel {
  readonly kind: 'onnx' | 'mrl';
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
  readonly opset?: number | undefined;
  readonly producer?: string | undefined;
  /** Metadata lines of a model string. */
  readonly meta?: ReadonlyMap<string, string | number | boolean> | undefined;
}

export interface PackagedModel {
  readonly kind: 'package';
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly package: Package;
}

export type LoadedModel = SourceModel | PackagedModel;

export const programOf = (model: LoadedModel): Program => (model.kind === 'package' ? model.package.program : model.program);
export const warningsOf = (model: LoadedModel): readonly Diagnostic[] => (model.kind === 'package' ? [] : model.warnings);
