import type { Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { openArchive } from './archive.ts';
import { tryLayerGraph } from './graph.ts';
import { ATEN_OPS } from './ops/index.ts';

const latin = new TextDecoder('latin1');

/** The archives of torch.save and torch.export.save: zip archives whose first member says so, or files of that name; pickles before torch 1.6. */
const detect = (head: Uint8Array, path: string): boolean => {
  const named = /\.(pt2|pt|pth|th|ckpt)$/i.test(path);
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) {
    const length = (head[26] ?? 0) + 256 * (head[27] ?? 0);
    const first = latin.decode(head.subarray(30, 30 + length));
    return (
      named || /(^|\/)(data\.pkl|archive_format|serialized_exported_program\.json|models\/[^/]+\.json|data\/weights\/[^/]+)$/.test(first)
    );
  }
  // a pickle of protocol 2 that begins with torch's magic number
  const magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9];
  return magic.every((b, i) => head[i] === b) || (named && head[0] === 0x80);
};

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  const archive = openArchive(bytes);
  if (!archive.ok) return noModel(...archive.diagnostics);
  const made = tryLayerGraph(archive.value, options.file.replace(/\.[^.]*$/, ''), bytes.length);
  return 'problems' in made ? noModel(...made.problems) : importLayers(made.graph, ATEN_OPS, options);
};

/** Exported programs of PyTorch. Checkpoints and TorchScript, which hold code, are refused with a remedy. */
export const pytorch: Frontend = {
  name: 'pytorch',
  title: 'PyTorch exported program',
  files: 'model.pt2',
  layers: ATEN_OPS,
  detect,
  examine,
};
