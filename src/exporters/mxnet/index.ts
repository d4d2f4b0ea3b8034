import { ok } from '../../support/index.ts';
import type { Exporter } from '../exporter.ts';
import { tableSupport } from '../nodes.ts';
import { mxnetFiles } from './export.ts';
import { MXNET_ROWS } from './rows/index.ts';

export const mxnetExporter: Exporter = {
  name: 'mxnet',
  title: 'MXNet',
  packages: ['mxnet==1.9.1', 'numpy==1.23.5'],
  about: `\`NAME-symbol.json\` is the network, \`NAME-0000.params\` its parameters: a checkpoint as \`mx.mod.Module.load("NAME", 0)\` and
\`gluon.SymbolBlock.imports\` read it. MXNet is retired; its last release, 1.9.1, runs with NumPy 1.23 on Python 3.11 and older.`,
  ...tableSupport(MXNET_ROWS),
  export: (program) => {
    const files = mxnetFiles(program);
    return files.ok ? ok({ files: files.value, warnings: [] }) : files;
  },
};
