import { bytesSource, type Result } from '../../support/index.ts';
import type { ImportOptions, ImportReport } from '../contract.ts';
import { caught, damaged, paramsMissing, stop } from '../import-problems.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { openZip } from '../zip.ts';
import { bindArchive, isArchiveWeights } from './archive-weights.ts';
import { type Hdf5Group, isHdf5, longTexts, openHdf5 } from './hdf5/index.ts';
import { type JsonObject, parseObject, textField } from './json.ts';
import { bindLegacy, legacyGroup } from './legacy-weights.ts';
import { layerOf } from './model.ts';
import { KERAS_LAYERS } from './ops/index.ts';
import { topologyOf } from './topology.ts';
import { type BoundWeights, type LayerWeights, weightTree } from './weights.ts';

/** A model whose JSON is read, and where its weights come from. */
export interface Opened {
  /** The field's name of the format. */
  readonly title: string;
  readonly model: JsonObject;
  /** As the file says: `2.4.0`, `3.1.1`; empty when it does not. */
  readonly version: string;
  readonly backend: string;
  readonly fileBytes: number;
  /** Finds the weights of the layers. */
  readonly weights: (layers: readonly LayerWeights[], version: number) => BoundWeights;
}

const NONE: BoundWeights = { stored: () => undefined, problems: [] };

/** The generation of Keras: 1, 2 or 3. Files that do not say are of Keras 2, or of Keras 3 where classes have their module. */
const generationOf = (version: string, model: JsonObject): number => {
  const number = Number(/^\d+/.exec(version)?.[0]);
  if (number >= 1 && number <= 3) return number;
  return textField(model, 'module') === undefined || version !== '' ? 2 : 3;
};

/** Examines a model that has been opened. */
export const examineOpened = (opened: Opened, options: ImportOptions): ImportReport => {
  const generation = generationOf(opened.version, opened.model);
  const root = layerOf(opened.model, generation, 0);
  const topology = topologyOf(root, generation);
  const weights = opened.weights(weightTree(root, generation), generation);
  const graph = {
    title: opened.title,
    name: root.name,
    producer: opened.version === '' ? 'Keras' : `Keras ${opened.version}`,
    fileBytes: opened.fileBytes,
    inputs: topology.inputs,
    stored: weights.stored,
    isParameter: () => false,
    layers: topology.layers,
    outputs: topology.outputs,
    problems: [...topology.problems, ...weights.problems],
    warnings: [],
  };
  return importLayers(graph, KERAS_LAYERS, options);
};

/** Runs f; what stops it is the report. */
export const reported = (f: () => ImportReport): ImportReport => {
  try {
    return f();
  } catch (error) {
    return noModel(...caught(error));
  }
};

/** Weights of an HDF5 file, in either form. */
export const weightsOfHdf5 =
  (root: Hdf5Group, backend: string): Opened['weights'] =>
  (layers, version) =>
    isArchiveWeights(root)
      ? bindArchive(root, layers)
      : bindLegacy(legacyGroup(root), layers, { version, backend: root.texts('backend')?.[0] ?? backend });

/** The first text of an attribute, which may be cut in parts. */
const textOf = (root: Hdf5Group, name: string): string | undefined => {
  const parts = longTexts(root, name);
  return parts === undefined ? undefined : parts.join('');
};

/** The legacy form: the model as JSON in an attribute, its weights in a group. */
const openLegacy = (bytes: Uint8Array): Opened => {
  const root = openHdf5(bytes);
  const config = textOf(root, 'model_config');
  if (config === undefined) {
    const isWeights = isArchiveWeights(root) || root.texts('layer_names') !== undefined;
    return stop(
      damaged(
        'Keras',
        isWeights
          ? 'the file holds weights alone; give the model as JSON, and this file by --params'
          : 'the HDF5 file has no attribute model_config',
      ),
    );
  }
  const backend = textOf(root, 'backend') ?? 'tensorflow';
  return {
    title: 'Keras (HDF5)',
    model: parseObject('Keras', config, 'model_config'),
    version: textOf(root, 'keras_version') ?? '',
    backend,
    fileBytes: bytes.length,
    weights: weightsOfHdf5(root, backend),
  };
};

const given = <T>(result: Result<T>): T => (result.ok ? result.value : stop(...result.diagnostics));

/** Most bytes that the members of an archive may have together. */
const MAX_ARCHIVE_BYTES = 2 ** 32;

/** The form of Keras 3: a zip archive of config, metadata and weights. */
const openArchive = (bytes: Uint8Array): Opened => {
  const members = new Map(given(openZip(bytesSource(bytes), { maxBytes: MAX_ARCHIVE_BYTES })).map((m) => [m.name, m.source]));
  const read = (name: string): Uint8Array | undefined => {
    const source = members.get(name);
    return source?.read(0, source.size);
  };
  const config = read('config.json') ?? stop(damaged('Keras', 'the archive has no config.json'));
  const metadata = read('metadata.json');
  const model = parseObject('Keras', new TextDecoder().decode(config), 'config.json');
  const about = metadata === undefined ? {} : parseObject('Keras', new TextDecoder().decode(metadata), 'metadata.json');
  const weights = read('model.weights.h5');
  return {
    title: 'Keras (.keras)',
    model,
    version: textField(about, 'keras_version') ?? '',
    backend: 'tensorflow',
    fileBytes: bytes.length,
    weights: weights === undefined ? () => NONE : weightsOfHdf5(openHdf5(weights), 'tensorflow'),
  };
};

/** Names under which the weights of NAME.json are looked for. */
const besideNames = (file: string): readonly string[] => {
  const base = file.replace(/\.json$/i, '');
  return ['.weights.h5', '_weights.h5', '.h5', '.hdf5', '_weights.hdf5'].map((end) => `${base}${end}`);
};

/** A model as JSON alone (model.to_json()), with its weights in another file. */
const openJson = (bytes: Uint8Array, options: ImportOptions): Opened => {
  const model = parseObject('Keras', new TextDecoder().decode(bytes), 'the model');
  const name = besideNames(options.file).find((f) => options.beside.has(f));
  const beside = options.params ?? (name === undefined ? undefined : given(options.beside.read(name)));
  if (beside !== undefined && !isHdf5(beside)) return stop(damaged('Keras', 'its weights are no HDF5 file'));
  if (beside === undefined && !options.randomParams)
    return stop(paramsMissing('the file describes the layers alone', `looked for ${besideNames(options.file).join(', ')}`));
  const backend = textField(model, 'backend') ?? 'tensorflow';
  const weights = options.randomParams && beside === undefined ? () => NONE : weightsOfHdf5(openHdf5(beside ?? new Uint8Array()), backend);
  return {
    title: 'Keras (JSON)',
    model,
    version: textField(model, 'keras_version') ?? '',
    backend,
    fileBytes: bytes.length + (beside?.length ?? 0),
    weights,
  };
};

/** The model with the weights of another file in place of its own. */
const withParams = (opened: Opened, params: Uint8Array): Opened => {
  if (!isHdf5(params)) return stop(damaged('Keras', 'the file of --params is no HDF5 file'));
  return { ...opened, fileBytes: opened.fileBytes + params.length, weights: weightsOfHdf5(openHdf5(params), opened.backend) };
};

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** Whether bytes of JSON are of a model of Keras alone. */
const isModelJson = (head: string): boolean =>
  /^\s*\{/.test(head) && /"class_name"\s*:\s*"(Sequential|Functional|Model)"/.test(head) && !/"modelTopology"/.test(head);

export const isKeras = (head: Uint8Array, path: string): boolean => {
  if (isHdf5(head)) return true;
  const text = new TextDecoder('latin1').decode(head.subarray(0, 4096));
  // the names of the members that Keras writes first
  if (isZip(head)) return /\.keras$/i.test(path) || /^.{26}..\0*(metadata|config)\.json/s.test(text);
  return isModelJson(text);
};

/** @throws nothing: what is wrong is in the report */
export const examineKeras = (bytes: Uint8Array, options: ImportOptions): ImportReport =>
  reported(() => {
    if (!isHdf5(bytes) && !isZip(bytes)) return examineOpened(openJson(bytes, options), options);
    const opened = isHdf5(bytes) ? openLegacy(bytes) : openArchive(bytes);
    return examineOpened(options.params === undefined ? opened : withParams(opened, options.params), options);
  });
