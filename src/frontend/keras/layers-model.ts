import type { ImportOptions, ImportReport } from '../contract.ts';
import { damaged, stop } from '../import-problems.ts';
import { parseModelJson, readManifest } from '../weights-manifest.ts';
import { examineOpened, reported } from './examine.ts';
import { field, isObject, textField } from './json.ts';
import { bindNamed } from './named-weights.ts';

const FORMAT = 'TensorFlow.js layers';

/** Whether the first bytes of a file are of a layers model: the converter writes `format` first, the library modelTopology. */
export const isLayersModel = (head: Uint8Array): boolean => {
  const text = new TextDecoder('latin1').decode(head.subarray(0, 4096));
  if (!/^\s*\{/.test(text)) return false;
  if (/"format"\s*:\s*"layers-model"/.test(text)) return true;
  return (
    /"modelTopology"\s*:\s*\{/.test(text) &&
    /"(class_name|keras_version|model_config)"/.test(text) &&
    !/"format"\s*:\s*"graph-model"/.test(text)
  );
};

/** A model of TensorFlow.js whose topology is that of Keras. */
export const examineLayersModel = (bytes: Uint8Array, options: ImportOptions): ImportReport =>
  reported(() => {
    const json = parseModelJson(FORMAT, bytes);
    if (!json.ok) return stop(...json.diagnostics);
    const topology = field(json.value, 'modelTopology');
    const config = field(topology, 'model_config') ?? topology;
    const model = isObject(config) ? config : stop(damaged(FORMAT, 'it has no modelTopology'));
    const weights = readManifest(field(json.value, 'weightsManifest'), options);
    const version = textField(topology, 'keras_version') ?? '';
    const report = examineOpened(
      {
        title: FORMAT,
        model,
        version,
        backend: 'tensorflow',
        fileBytes: bytes.length + weights.fileBytes,
        weights: (layers) => {
          const bound = bindNamed(weights.names, weights.get, layers);
          return { ...bound, problems: [...weights.problems, ...bound.problems] };
        },
      },
      options,
    );
    const producer = textField(json.value, 'convertedBy') ?? textField(json.value, 'generatedBy');
    return producer === undefined ? report : { ...report, producer };
  });
