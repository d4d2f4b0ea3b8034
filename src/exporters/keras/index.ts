import type { Program } from '../../ir/index.ts';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Exported, Exporter } from '../exporter.ts';
import { tableSupport } from '../nodes.ts';
import { tensorsOf } from '../outline/classes.ts';
import { modelOf } from '../outline/model.ts';
import { encodeSafetensors } from '../outline/safetensors.ts';
import { HELPERS } from './helpers.ts';
import { modelText } from './model.ts';
import { KERAS_ROWS } from './rows/index.ts';
import { KERAS_STYLE } from './style.ts';

const RUN = `import keras
import numpy as np

from model import load

model = load()


def run(inputs):
    """Outputs of the model for NumPy arrays in the order of its inputs."""
    outputs = model([np.asarray(x) for x in inputs], training=False)
    return [np.asarray(y) for y in keras.tree.flatten(outputs)]
`;

const exportProgram = (program: Program): Result<Exported> => {
  const model = modelOf('Keras', program, KERAS_ROWS, KERAS_STYLE, Object.keys(HELPERS));
  if (!model.ok) return model;
  const written = model.value.program;
  const constants = written.outputs.filter(({ value }) => written.params.some((p) => p.value === value));
  if (constants.length > 0)
    return fail(
      ...constants.map(({ name }) =>
        diagnostic('EXP0002', 'Keras gives what depends on inputs, but this output does not', { where: name }),
      ),
    );
  return ok({
    files: [
      { name: 'model.py', content: modelText(model.value) },
      { name: 'model.safetensors', content: encodeSafetensors(tensorsOf(model.value.outline.body)) },
      { name: 'run.py', content: RUN },
    ],
    warnings: [],
  });
};

/** Keras 3: a functional model in model.py, its tensors in model.safetensors; channels last inside, as TensorFlow has them on processors. */
export const kerasExporter: Exporter = {
  name: 'keras',
  title: 'Keras',
  packages: ['numpy', 'safetensors', 'tensorflow'],
  about:
    '`model.py` builds the model of Keras 3 in the functional style, `model.safetensors` holds its tensors under the names of its layers. ' +
    '`from model import load; model = load()` gives the model, ready to run.\n\n' +
    'Inputs and outputs have the layout of the program; between them images have their channels last, as TensorFlow wants them on processors.',
  ...tableSupport(KERAS_ROWS),
  export: exportProgram,
};
