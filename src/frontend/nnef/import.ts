import type { Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { caught, incomplete, paramsMissing } from '../import-problems.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { openArchive } from './archive.ts';
import { buildGraph } from './graph.ts';
import { NNEF_OPERATIONS } from './ops/index.ts';
import { parseGraph } from './parse.ts';

const isArchive = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** What every graph begins with. */
const HEAD = /^\uFEFF?(?:\s|#[^\n]*\n)*version\s+\d+\.\d+\s*;/;

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  if (options.params !== undefined)
    return noModel(incomplete('--params is given, but tensors of NNEF lie in files of their own beside the graph', options.file));
  try {
    const { graph: text, beside } = isArchive(bytes) ? openArchive(bytes, options.file) : { graph: bytes, beside: options.beside };
    const graph = buildGraph(parseGraph(new TextDecoder().decode(text)), beside, bytes.length);
    const missing = graph.layers.filter((l) => l.op === 'variable');
    if (missing.length === 0 || options.randomParams) return importLayers(graph, NNEF_OPERATIONS, options);
    // one problem for all files; the operations are examined as if they were there
    const report = importLayers(graph, NNEF_OPERATIONS, { ...options, structureOnly: true });
    const names = missing.slice(0, 3).map((l) => l.name);
    const problem = paramsMissing(
      `${missing.length} variables have no data (${names.join(', ')}${missing.length > 3 ? ', …' : ''})`,
      'their .dat files are not beside the graph',
    );
    return { ...report, problems: [problem, ...report.problems] };
  } catch (error) {
    return noModel(...caught(error));
  }
};

/** Graphs of the Khronos Neural Network Exchange Format 1.0: a folder with graph.nnef and .dat files, or its .tgz. */
export const nnef: Frontend = {
  name: 'nnef',
  title: 'NNEF',
  files: 'graph.nnef with its .dat files, or a .nnef.tgz',
  layers: NNEF_OPERATIONS,
  detect: (head, path) =>
    path.endsWith('.nnef') ||
    (/\.(?:nnef\.tgz|tgz|nnef\.tar\.gz)$/.test(path) && isArchive(head)) ||
    HEAD.test(new TextDecoder().decode(head.subarray(0, 4096))),
  examine,
};
