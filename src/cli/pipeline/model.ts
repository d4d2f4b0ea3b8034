import type { Package } from '../../cvm-bytecode/index.ts';
import type { Program } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';
import type { Quantization } from './execute.ts';

/** What the integers of the ports of a quantized source stand for, in order; undefined for a port that is not quantized. */
export interface PortScales {
  readonly inputs: readonly (Quantization | undefined)[];
  readonly outputs: readonly (Quantization | undefined)[];
}

/**
 * Where a program came from. Without the file's bytes and the program: parameters are views of the file, and a compiler
 * that holds on to them needs the memory of the model twice.
 */
export interface Source {
  readonly kind: 'onnx' | 'tflite' | 'mrl' | 'layers';
  /** Of a model of layers: which format. */
  readonly format?: { readonly name: string; readonly title: string } | undefined;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly warnings: readonly Diagnostic[];
  readonly opset?: number | undefined;
  readonly producer?: string | undefined;
  /** Of a source that is quantized. */
  readonly scales?: PortScales | undefined;
  /** Metadata lines of a model string. */
  readonly meta?: ReadonlyMap<string, string | number | boolean> | undefined;
}

/** A model that is not compiled yet. */
export interface SourceModel extends Source {
  readonly program: Program;
}

export interface PackagedModel {
  readonly kind: 'package';
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the file, read once more. */
  readonly identity: () => string;
  readonly package: Package;
}

export type LoadedModel = SourceModel | PackagedModel;

/** Short name of the format, as packages keep it. */
export const formatOf = ({ kind, format }: Source): string => format?.name ?? kind;

export const programOf = (model: LoadedModel): Program => (model.kind === 'package' ? model.package.program : model.program);
export const warningsOf = (model: LoadedModel): readonly Diagnostic[] => (model.kind === 'package' ? [] : model.warnings);
