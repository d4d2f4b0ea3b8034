import type { FloatParameter, Package, ParameterStorage } from '../../cvm-bytecode/index.ts';
import { bytesInMemory, formatType, type Program, typeOf } from '../../ir/index.ts';
import type { Json } from '../json.ts';
import { formatBytes, formatCount, formatPercent, formatTable } from '../text.ts';

/** How a package is written. */
export interface StorageArgs {
  readonly storage?: string | undefined;
  readonly 'keep-float'?: boolean | undefined;
}

/** The float32 parameters of a program, by name. */
export const floatParametersOf = (program: Program): readonly FloatParameter[] =>
  program.params.flatMap(({ name, tensor }) => {
    if (tensor.dtype !== 'f32') return [];
    const { shape, data } = tensor;
    return data instanceof Float32Array ? [{ name, shape, data }] : [];
  });

/** Bytes of the float32 parameters of a program: what its packages are compared with. */
export const floatBytesOf = (program: Program): number =>
  program.params.reduce((n, { tensor }) => n + (tensor.dtype === 'f32' ? bytesInMemory(tensor) : 0), 0);

interface Total {
  readonly stored: number;
  readonly decoded: number;
}

const totalOf = (list: readonly ParameterStorage[]): Total => ({
  stored: list.reduce((n, p) => n + p.storedBytes, 0),
  decoded: list.reduce((n, p) => n + p.decodedBytes, 0),
});

const ratio = (part: number, whole: number): string => (whole === 0 ? '' : `${(part / whole).toFixed(3)}x`);

type Fact = readonly [string, string];

/** A file that keeps float parameters has a storage record even when the parameters themselves are plain. */
const formOf = ({ storage }: Package): 'plain' | 'compressed' =>
  storage.parameters.some((p) => p.encoding !== 'plain') ? 'compressed' : 'plain';

/** What the parameters take in the file. @param floatBytes - of the source model, where it is at hand */
export const storageFacts = (p: Package, floatBytes?: number): readonly Fact[] => {
  const { storage } = p;
  const form = formOf(p);
  const { stored, decoded } = totalOf(storage.parameters);
  const peers = [
    ...(form === 'compressed' ? [`${ratio(stored, decoded)} of plain ${formatBytes(decoded)}`] : []),
    ...(floatBytes === undefined || floatBytes === 0 ? [] : [`${ratio(stored, floatBytes)} of float32 ${formatBytes(floatBytes)}`]),
  ];
  const floats = storage.floatParameters;
  const kept = totalOf(floats?.storage ?? []);
  return [
    ['storage', `${form}, parameters ${formatBytes(stored)}${peers.length === 0 ? '' : ` (${peers.join(', ')})`}`],
    ...(floats === undefined
      ? []
      : ([
          [
            'float32',
            floats.present
              ? `${formatCount(floats.storage.length)} original parameters, ${formatBytes(kept.stored)} (${ratio(kept.stored, kept.decoded)} of ${formatBytes(kept.decoded)})`
              : 'original parameters committed to, but not in this file',
          ],
        ] as const)),
  ];
};

/** One line for each parameter: how it is stored. */
export const storageTable = ({ program, storage }: Package): string =>
  formatTable(
    ['parameter', 'type', 'encoding', 'stored', 'decoded', 'ratio'],
    storage.parameters.map((s, i) => {
      const param = program.params[i];
      return [
        param?.name ?? '',
        param === undefined ? '' : formatType(typeOf(program, param.value)),
        s.encoding,
        formatCount(s.storedBytes),
        formatCount(s.decodedBytes),
        s.decodedBytes === 0 ? '' : formatPercent(s.storedBytes / s.decodedBytes),
      ];
    }),
    ['left', 'left', 'left', 'right', 'right', 'right'],
  );

const entryJson = (s: ParameterStorage): Json => ({
  encoding: s.encoding,
  storedBytes: s.storedBytes,
  decodedBytes: s.decodedBytes,
  ...(s.decodedBytes === 0 ? {} : { ratio: s.storedBytes / s.decodedBytes }),
});

export const storageJson = (p: Package, floatBytes?: number): Json => {
  const { storage } = p;
  const { stored, decoded } = totalOf(storage.parameters);
  const floats = storage.floatParameters;
  const kept = totalOf(floats?.storage ?? []);
  return {
    form: formOf(p),
    storedBytes: stored,
    decodedBytes: decoded,
    ...(floatBytes === undefined || floatBytes === 0 ? {} : { floatBytes, ratioToFloat: stored / floatBytes }),
    parameters: storage.parameters.map(entryJson),
    ...(floats === undefined
      ? {}
      : {
          floatParameters: {
            present: floats.present,
            storedBytes: kept.stored,
            decodedBytes: kept.decoded,
            parameters: floats.storage.map(entryJson),
          },
        }),
  };
};
