import type { Program } from '../../ir/index.ts';
import { ok, type Result } from '../../support/index.ts';
import type { Exported, Exporter } from '../exporter.ts';
import { tableSupport } from '../nodes.ts';
import { tensorsOf } from '../outline/classes.ts';
import { modelOf } from '../outline/model.ts';
import { encodeSafetensors } from '../outline/safetensors.ts';
import { HELPERS } from './helpers.ts';
import { modelText } from './model.ts';
import { TORCH_ROWS } from './rows/index.ts';
import { TORCH_STYLE } from './style.ts';

const RUN = `import numpy as np
import torch

from model import load

model = load()


def run(inputs):
    """Outputs of the model for NumPy arrays in the order of its inputs."""
    with torch.no_grad():
        outputs = model(*[torch.from_numpy(np.array(x)) for x in inputs])
    return [y.detach().numpy() for y in (outputs if isinstance(outputs, tuple) else (outputs,))]
`;

const exportProgram = (program: Program): Result<Exported> => {
  const model = modelOf('PyTorch', program, TORCH_ROWS, TORCH_STYLE, Object.keys(HELPERS));
  if (!model.ok) return model;
  return ok({
    files: [
      { name: 'model.py', content: modelText(model.value) },
      { name: 'model.safetensors', content: encodeSafetensors(tensorsOf(model.value.outline.body)) },
      { name: 'run.py', content: RUN },
    ],
    warnings: [],
  });
};

/** PyTorch: modules in model.py, their tensors in model.safetensors. */
export const pytorchExporter: Exporter = {
  name: 'pytorch',
  title: 'PyTorch',
  packages: ['numpy', 'safetensors', 'torch'],
  about:
    '`model.py` holds the modules, `model.safetensors` their tensors under the names that `state_dict` has for them. ' +
    '`from model import load; model = load()` gives the model, ready to run; `model(x)` takes tensors as its description says.\n\n' +
    'Floats are float32, with the same layers and sums in the order that PyTorch chooses. Integers are exact: every byte is that of the program.',
  ...tableSupport(TORCH_ROWS),
  export: exportProgram,
};
