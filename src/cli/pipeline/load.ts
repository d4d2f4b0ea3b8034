import { decodePackage, isBytecode, isPackage, type PortMetadata } from '../../cvm-bytecode/index.ts';
import type { Frontend } from '../../frontend/index.ts';
import type { Program } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { type BindOptions, parseBindings } from '../bindings.ts';
import type { Context } from '../context.ts';
import { fileTooLarge, notAModel, optionsConflict, wrongKind } from '../diagnostics.ts';
import { LIMITS } from '../files.ts';
import { deskOf } from './desk.ts';
import type { Quantization } from './execute.ts';
import type { LoadedModel, PackagedModel } from './model.ts';
import { preparationOf } from './preparation.ts';
import { digestOfSource } from './remembered.ts';
import type { PreparationOptions } from './samples.ts';

/** How a model file is read. */
export interface ModelArgs {
  readonly bind?: readonly string[] | undefined;
  readonly const?: readonly string[] | undefined;
  readonly params?: string | undefined;
  readonly 'random-params'?: boolean | undefined;
  readonly shape?: readonly string[] | undefined;
}

export interface LoadOptions {
  /** Give the first axis of an input 1 when it is symbolic and not bound. */
  readonly assumeBatch: boolean;
  /** Parameters without data do not matter: only shapes are looked at. */
  readonly randomParams?: boolean;
  /** Not even their values matter: where the format allows it none are made. */
  readonly structureOnly?: boolean;
}

const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Array.from(text, (c) => c.charCodeAt(0)).every((code, i) => bytes[at + i] === code);

/** What a file that is no model of ours looks like, for the message. */
const describeUnknown = (bytes: Uint8Array): string => {
  if (startsWith(bytes, 'PK')) return 'the file is a zip archive (PyTorch and Keras save models so)';
  if (startsWith(bytes, '\x89HDF')) return 'the file is HDF5 (Keras saves models so)';
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

export type ModelKind = 'package' | 'onnx' | 'tflite' | 'mrl' | 'bytecode' | Frontend;

/** What the first bytes or the name leave no doubt about. */
const certainKind = (bytes: Uint8Array, path: string): Exclude<ModelKind, Frontend> | undefined => {
  if (isPackage(bytes)) return 'package';
  if (isBytecode(bytes)) return 'bytecode';
  // the identifier of a FlatBuffer stands at byte 4
  if (startsWith(bytes, 'TFL3', 4)) return 'tflite';
  const name = path.toLowerCase();
  if (name.endsWith('.mrl')) return 'mrl';
  if (name.endsWith('.onnx')) return 'onnx';
  if (name.endsWith('.tflite')) return 'tflite';
  return name.endsWith('.cvm') ? 'package' : undefined;
};

/** The content decides; the name breaks ties. */
export const kindOf = async (bytes: Uint8Array, path: string): Promise<ModelKind | undefined> => {
  const certain = certainKind(bytes, path);
  if (certain !== undefined) return certain;
  const { FRONTENDS } = await import('../../frontend/index.ts');
  const found = FRONTENDS.find((f) => f.detect(bytes, path));
  if (found !== undefined) return found;
  if (looksLikeText(bytes)) return 'mrl';
  return looksLikeOnnx(bytes) ? 'onnx' : undefined;
};

/** Reads a model that is not compiled yet. */
const loadSource = async (
  context: Context,
  path: string,
  source: ByteSource,
  kind: Exclude<ModelKind, 'package' | 'bytecode'>,
  args: ModelArgs,
  options: LoadOptions & BindOptions,
): Promise<Result<LoadedModel>> => {
  const { size } = source;
  if (size > LIMITS.model) return fail(fileTooLarge(path, size, LIMITS.model));
  const bytes = source.read(0, size);
  const randomParams = options.randomParams ?? args['random-params'] ?? false;
  if (typeof kind === 'object') {
    const { loadLayers } = await import('./load-layers.ts');
    return loadLayers(context, kind, path, bytes, { ...args, randomParams, structureOnly: options.structureOnly ?? false });
  }
  switch (kind) {
    case 'mrl': {
      const { loadText } = await import('./load-mrl.ts');
      return loadText(context, path, bytes, { ...options, params: args.params, randomParams });
    }
    case 'onnx': {
      const { loadOnnx } = await import('./load-onnx.ts');
      return loadOnnx(context, path, bytes, { ...options, constants: args.const ?? [] });
    }
    case 'tflite': {
      const { loadTflite } = await import('./load-tflite.ts');
      return loadTflite(path, bytes, options.sizes);
    }
    default:
      return kind satisfies never;
  }
};

/** Options that a kind of model does not take. */
const optionConflicts = (args: ModelArgs, kind: ModelKind): readonly Diagnostic[] => {
  const layers = typeof kind === 'object';
  return [
    ...(args.params !== undefined && !layers && kind !== 'mrl'
      ? [
          optionsConflict(
            '--params is given, but the model holds its parameters',
            'Leave it out: ONNX and TensorFlow Lite models and packages hold their parameters.',
          ),
        ]
      : []),
    ...(args.const !== undefined && kind !== 'onnx'
      ? [optionsConflict('--const is given, but the model is no ONNX model', 'Leave it out: write the values into the .mrl text.')]
      : []),
    ...(args.shape !== undefined && !layers
      ? [
          optionsConflict(
            '--shape is given, but the model has the shapes of its inputs',
            'Leave it out, or bind symbolic dimensions: --bind N=1.',
          ),
        ]
      : []),
  ];
};

/** Bytes that tell what a file is. */
const HEAD_BYTES = 4096;

/**
 * Reads a model of any kind and binds its symbolic dimensions.
 * Errors: CLI1003, CLI1005, CLI2001 to CLI2008, CLI2013, IR0008 and those of the format.
 */
export const loadModel = async (
  context: Context,
  path: string,
  args: ModelArgs,
  options: LoadOptions = { assumeBatch: true },
): Promise<Result<LoadedModel>> => {
  const sizes = parseBindings(args.bind ?? []);
  if (!sizes.ok) return sizes;
  const source = context.open(path, 'package');
  if (!source.ok) return source;
  const head = source.value.read(0, HEAD_BYTES);
  const kind = await kindOf(head, path);
  const conflicts = kind === undefined ? [] : optionConflicts(args, kind);
  if (conflicts.length > 0) return fail(...conflicts);
  if (typeof kind === 'object') return loadSource(context, path, source.value, kind, args, { ...options, sizes: sizes.value });
  switch (kind) {
    case undefined:
      return fail(notAModel(path, describeUnknown(head)));
    case 'bytecode':
      return fail(
        wrongKind(path, 'this is bare CVM bytecode, without its parameters', 'Use the package (.cvm) that it came from, or cortexc dis.'),
      );
    case 'package': {
      if (sizes.value.size > 0) return fail(optionsConflict('--bind is given, but a package has no symbolic dimension', 'Leave it out.'));
      const unpacked = decodePackage(source.value, { desk: deskOf(context) });
      if (!unpacked.ok)
        return fail(...unpacked.diagnostics.map((d) => ({ ...d, where: d.where === undefined ? path : `${path}: ${d.where}` })));
      return ok({
        kind: 'package',
        path,
        sizeBytes: source.value.size,
        identity: () => digestOfSource(source.value),
        package: unpacked.value,
      });
    }
    case 'mrl':
    case 'onnx':
    case 'tflite':
      return loadSource(context, path, source.value, kind, args, { ...options, sizes: sizes.value });
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
  /** SHA-256 of the file, of a package. */
  readonly identity?: () => string;
  readonly warnings: readonly Diagnostic[];
}

const quantizationOf = (port: PortMetadata): Quantization | undefined =>
  port.scale === undefined ? undefined : { scale: port.scale, zero: port.zero ?? 0 };

const runnablePackage = ({ package: p, identity }: PackagedModel): Runnable => ({
  identity,
  program: p.program,
  inputs: p.metadata.inputs.map((port) => ({ quantization: quantizationOf(port), preparation: preparationOf(port.preprocessing) })),
  outputs: p.metadata.outputs.map(quantizationOf),
  labels: p.metadata.labels,
  warnings: [],
});

/** Reads a model for running: every dimension is a number. */
export const loadRunnable = async (context: Context, path: string, args: ModelArgs): Promise<Result<Runnable>> => {
  const model = await loadModel(context, path, args);
  if (!model.ok) return model;
  if (model.value.kind === 'package') return ok(runnablePackage(model.value));
  const { program, warnings, scales } = model.value;
  return ok({
    program,
    inputs: program.inputs.map((_, i) => ({ quantization: scales?.inputs[i], preparation: {} })),
    outputs: program.outputs.map((_, i) => scales?.outputs[i]),
    labels: undefined,
    warnings,
  });
};
