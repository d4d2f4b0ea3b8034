import type { Result } from '../../support/index.ts';
import type { FilesBeside, Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { type Convention, graphOf, hasUndated } from './graph.ts';
import { MX_TABLE } from './ops/index.ts';
import { decodeParams, isParams, type Params } from './params.ts';
import { parseSymbol } from './symbol.ts';

/** NAME of NAME-symbol.json, or of NAME-0000.params. */
const baseOf = (file: string): string => file.replace(/-symbol\.json$|\.json$|-\d+\.params$|\.params$/, '');

/** Arrays beside a symbol: NAME-0012.params, that of the last epoch, or NAME.params. */
const paramsName = (base: string, beside: FilesBeside): string | undefined => {
  const epochs = beside
    .list()
    .map((name) => ({ name, epoch: name.startsWith(`${base}-`) ? /^(\d+)\.params$/.exec(name.slice(base.length + 1))?.[1] : undefined }))
    .filter((f): f is { name: string; epoch: string } => f.epoch !== undefined)
    .sort((a, b) => Number(a.epoch) - Number(b.epoch));
  return epochs.at(-1)?.name ?? (beside.has(`${base}.params`) ? `${base}.params` : undefined);
};

const NO_PARAMS: Params = { names: [], get: () => undefined, problems: [] };

interface Files {
  readonly symbol: Uint8Array;
  readonly params: Uint8Array | undefined;
}

/** The two files of a model, whichever of them was named. */
const filesOf = (bytes: Uint8Array, { file, beside, params }: ImportOptions): Result<Files> => {
  const base = baseOf(file);
  if (isParams(bytes)) {
    const read = beside.read(`${base}-symbol.json`);
    return read.ok ? { ok: true, value: { symbol: read.value, params: bytes } } : read;
  }
  const name = params === undefined ? paramsName(base, beside) : undefined;
  if (name === undefined) return { ok: true, value: { symbol: bytes, params } };
  const read = beside.read(name);
  return read.ok ? { ok: true, value: { symbol: bytes, params: read.value } } : read;
};

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  const files = filesOf(bytes, options);
  if (!files.ok) return noModel(...files.diagnostics);
  const symbol = parseSymbol(files.value.symbol);
  if (!symbol.ok) return noModel(...symbol.diagnostics);
  const { params: stored } = files.value;
  const base = baseOf(options.file);
  const params = stored === undefined ? NO_PARAMS : decodeParams(stored);
  const examined = (convention: Convention): ImportReport =>
    importLayers(
      graphOf(symbol.value, params, {
        name: base,
        fileBytes: files.value.symbol.length + (stored?.length ?? 0),
        given: new Set(options.shapes.keys()),
        looked: `there is no ${base}-0000.params beside it`,
        missing: stored === undefined && !options.randomParams,
        convention,
      }),
      MX_TABLE,
      options,
    );
  const report = examined('valid');
  if (report.problems.length === 0 || !hasUndated(symbol.value)) return report;
  // what MXNet makes of an old file may not fit together, since its poolings had more windows when it was written
  const older = examined('full');
  return older.problems.length === 0 ? older : report;
};

/** Symbols of MXNet, all versions, with their arrays. */
export const mxnet: Frontend = {
  name: 'mxnet',
  title: 'MXNet',
  files: 'NAME-symbol.json with NAME-0000.params beside it',
  layers: MX_TABLE,
  detect: (head) =>
    isParams(head) || /^\uFEFF?\s*\{\s*"(nodes|arg_nodes|heads|node_row_ptr)"\s*:/.test(new TextDecoder().decode(head.subarray(0, 256))),
  examine,
};
