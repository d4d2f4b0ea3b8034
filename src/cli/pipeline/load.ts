import { decodePackage, isBytecode, isPackage, type Package, type PortMetadata } from '../../cvm-bytecode/index.ts';
import type { Program } from '../../ir/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { bindProgram, parseBindings } from '../bindings.ts';
import type { Context } from '../context.ts';
import { notAModel, optionsConflict, wrongKind } from '../diagnostics.ts';
import type { Quantization } from './execute.ts';
import { preparationOf } from './preparation.ts';
import type { PreparationOptions } from './samples.ts';

/** How a model file is read. */
export interface ModelArgs {
  readonly bind?: readonly string[] | undefined;
  readonly params?: string | undefined;
}

/** A model that is not compiled yet. Dimensions may be symbolic. */
export interface SourceModel {
  readonly kind: 'onnx' | 'mrl';
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
  readonly opset?: number | undefined;
  readonly producer?: string | undefined;
}

export interface PackagedModel {
  readonly kind: 'package';
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly package: Package;
}

export type LoadedModel = SourceModel | PackagedModel;

const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean => [...text].every((c, i) => bytes[at + i] === c.charCodeAt(0));

/** What a file that is no model of ours looks like, for the message. */
const describeUnknown = (bytes: Uint8Array): string => {
  if (startsWith(bytes, 'PK')) return 'the file is a zip archive (PyTorch and Keras save models so)';
  if (startsWith(bytes, '\x89HDF')) return 'the file is HDF5 (Keras saves models so)';
  if (startsWith(bytes, 'TFL3', 4)) return 'the file is a TensorFlow Lite model';
  if (startsWith(bytes, '\x80')) return 'the file is a Python pickle';
  if (startsWith(bytes, '{')) return 'the file is JSON';
  if (startsWith(bytes, '\x93NUMPY')) return 'the file is a NumPy array';
  const head = Array.from(bytes.subarray(0, 4), (b) => b.toString(16).padStart(2, '0')).join(' ');
  return `the file starts with ${head}`;
};

/** Text begins with a comment or the version line of the language. */
const looksLikeText = (bytes: Uint8Array): boolean => {
  const head = new TextDecoder()
    .decode(bytes.subarray(0, 4096))
    .replace(/^\ufeff/, '')
    .trimStart();
  return /^(mrl\b|\/\/|\/\*|#)/.test(head);
};

/** An ONNX file is a protobuf message that starts with one of its first fields: ir_version, opset_import, producer or graph. */
const looksLikeOnnx = (bytes: Uint8Array): boolean => [0x08, 0x12, 0x1a, 0x3a, 0x42].includes(bytes[0] ?? 0);

export type ModelKind = 'package' | 'onnx' | 'mrl' | 'bytecode';

/** The content decides; the name breaks ties. */
export const kindOf = (bytes: Uint8Array, path: string): ModelKind | undefined => {
  if (isPackage(bytes)) return 'package';
  if (isBytecode(bytes)) return 'bytecode';
  const name = path.toLowerCase();
  if (name.endsWith('.mrl')) return 'mrl';
  if (name.endsWith('.onnx')) return 'onnx';
  if (name.endsWith('.cvm')) return 'package';
  if (looksLikeText(bytes)) return 'mrl';
  return looksLikeOnnx(bytes) && !startsWith(bytes, 'TFL3', 4) ? 'onnx' : undefined;
};

/** Reads a model of any kind. Errors: CLI2001 to CLI2007, CLI2013 and those of the format. */
export const loadModel = async (context: Context, path: string, args: ModelArgs): Promise<Result<LoadedModel>> => {
  const file = context.read(path, 'model');
  if (!file.ok) return file;
  const bytes = file.value;
  const kind = kindOf(bytes, path);
  if (args.params !== undefined && kind !== 'mrl') {
    return fail(
      optionsConflict(
        '--params is given, but the model is no model string',
        'Leave it out: ONNX models and packages hold their parameters.',
      ),
    );
  }
  switch (kind) {
    case undefined:
      return fail(notAModel(path, describeUnknown(bytes)));
    case 'bytecode':
      return fail(wrongKind(path, 'this is bare CVM bytecode, without its parameters', 'Use the package (.cvm) that it came from.'));
    case 'package': {
      const unpacked = decodePackage(bytes);
      if (!unpacked.ok)
        return fail(...unpacked.diagnostics.map((d) => ({ ...d, where: d.where === undefined ? path : `${path}: ${d.where}` })));
      return ok({ kind: 'package', path, bytes, package: unpacked.value });
    }
    case 'mrl': {
      const { loadText } = await import('./load-mrl.ts');
      return loadText(context, path, bytes, args);
    }
    case 'onnx': {
      const { loadOnnx } = await import('./load-onnx.ts');
      return loadOnnx(context, path, bytes);
    }
    default:
      return kind satisfies never;
  }
};

/** A model ready to run: every dimension is a number. */
export interface Runnable {
  readonly program: Program;
  readonly inputs: readonly { readonly quantization?: Quantization | undefined; readonly preparation: PreparationOptions }[];
  readonly outputs: readonly (Quantization | undefined)[];
  readonly labels: readonly string[] | undefined;
  readonly warnings: readonly Diagnostic[];
}

const quantizationOf = (port: PortMetadata): Quantization | undefined =>
  port.scale === undefined ? undefined : { scale: port.scale, zero: port.zero ?? 0 };

const runnablePackage = ({ package: p }: PackagedModel): Runnable => ({
  program: p.program,
  inputs: p.metadata.inputs.map((port) => ({ quantization: quantizationOf(port), preparation: preparationOf(port.preprocessing) })),
  outputs: p.metadata.outputs.map(quantizationOf),
  labels: p.metadata.labels,
  warnings: [],
});

/** Reads a model and gives every symbolic dimension a number. */
export const loadRunnable = async (context: Context, path: string, args: ModelArgs): Promise<Result<Runnable>> => {
  const sizes = parseBindings(args.bind ?? []);
  if (!sizes.ok) return sizes;
  const model = await loadModel(context, path, args);
  if (!model.ok) return model;
  const program = model.value.kind === 'package' ? model.value.package.program : model.value.program;
  const bound = bindProgram(program, sizes.value);
  if (!bound.ok) return bound;
  if (model.value.kind === 'package') return ok(runnablePackage(model.value));
  return ok({
    program: bound.value.program,
    inputs: program.inputs.map(() => ({ preparation: {} })),
    outputs: program.outputs.map(() => undefined),
    labels: undefined,
    warnings: [...model.value.warnings, ...assumedNote(bound.value.assumed)],
  });
};

/** Tells which batch axes were taken as 1. */
export const assumedNote = (assumed: readonly string[]): readonly Diagnostic[] =>
  assumed.length === 0
    ? []
    : [
        diagnostic(
          'IR0008',
          `${assumed.join(', ')} ${assumed.length === 1 ? 'is taken as 1: it is a batch axis' : 'are taken as 1: they are batch axes'}`,
          {
            severity: 'note',
            notes: [`For another size: --bind ${assumed[0] ?? 'N'}=8.`],
          },
        ),
      ];
