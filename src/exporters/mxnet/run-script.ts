/** Text of a Python string. */
const quoted = (text: string): string => JSON.stringify(text);

/**
 * run.py: the symbol as a block of Gluon.
 * @param shapes - of the outputs; those without dimensions get them taken off
 */
export const runScript = (base: string, inputs: readonly string[], hasParams: boolean, scalars: readonly number[]): string => {
  const names = `[${inputs.map(quoted).join(', ')}]`;
  const params = hasParams ? `str(_folder / ${quoted(`${base}-0000.params`)})` : 'None';
  const shaped =
    scalars.length === 0
      ? '    return arrays\n'
      : `    # MXNet has no arrays without dimensions
    for i in (${scalars.join(', ')},):
        arrays[i] = arrays[i].reshape(())
    return arrays
`;
  return `"""Runs ${base} with MXNet (Gluon) on the processor."""
from pathlib import Path

import mxnet

_folder = Path(__file__).resolve().parent
net = mxnet.gluon.SymbolBlock.imports(
    str(_folder / ${quoted(`${base}-symbol.json`)}), ${names}, ${params}
)


def run(inputs):
    """Takes arrays in the order of the model's inputs, gives those of its outputs."""
    outputs = net(*(mxnet.nd.array(x, dtype=x.dtype) for x in inputs))
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = [y.asnumpy() for y in outputs]
${shaped}`;
};
