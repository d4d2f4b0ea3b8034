import { bytesSource, diagnostic, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { type ElemName, type HostTensor, isElemName } from '../host-tensor.ts';
import { caught, damaged, incomplete, parameterProblem, stop } from '../import-problems.ts';
import { openZip, type ZipMember } from '../zip.ts';
import { fields, jsonOf, listOf, textOf, wholeOf } from './json.ts';
import { PickledTensor, readPickle } from './pickle.ts';
import { stridedHost } from './strided.ts';

/** Element types by number (c10/core/ScalarType.h). */
const SCALARS: Readonly<Record<number, ElemName>> = {
  1: 'uint8',
  2: 'int8',
  3: 'int16',
  4: 'int32',
  5: 'int64',
  6: 'float16',
  7: 'float32',
  8: 'float64',
  12: 'bool',
  13: 'bfloat16',
  28: 'uint16',
};
export const scalarName = (code: number): ElemName | undefined => SCALARS[code];

const STORAGES: Readonly<Record<string, ElemName>> = {
  ByteStorage: 'uint8',
  CharStorage: 'int8',
  ShortStorage: 'int16',
  IntStorage: 'int32',
  LongStorage: 'int64',
  HalfStorage: 'float16',
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  BoolStorage: 'bool',
  BFloat16Storage: 'bfloat16',
};

/** What torch.export.save wrote. */
export interface ExportArchive {
  /** The exported program, as JSON. */
  readonly program: unknown;
  /** Parameters, buffers and constants by their names in the module. @throws {MrlError} where they cannot be read */
  readonly tensor: (name: string) => HostTensor | undefined;
}

/** Deflated members may unpack to this many times the size of the file, and 64 MiB. */
const MAX_GROWTH = 20;
const FREE_BYTES = 2 ** 26;

const noProgram = (what: string): Diagnostic =>
  diagnostic('IMP2004', `the file is ${what}, not an exported program`, {
    notes: [
      'Export the model: torch.export.save(torch.export.export(model.eval(), (example,)), "model.pt2"); or give its weights as safetensors to a model string.',
    ],
  });

export const checkpoint = noProgram('a checkpoint: weights as pickled objects of Python');

/** Members below the folder that the archive's name gives, which has any name. */
const membersOf = (members: readonly ZipMember[]): ReadonlyMap<string, ZipMember> => {
  const [first] = members[0]?.name.split('/') ?? [];
  const below = first !== undefined && members.every((m) => m.name.startsWith(`${first}/`)) ? first.length + 1 : 0;
  return new Map(members.map((m) => [m.name.slice(below), m]));
};

const bytesOf = (member: ZipMember): Uint8Array => member.source.read(0, member.source.size);

type Reader = (name: string) => HostTensor | undefined;

/** A dictionary of tensors as torch.save writes it: an archive in the archive. @throws {MrlError} */
const savedTensors = (bytes: Uint8Array, maxBytes: number): Reader => {
  const opened = openZip(bytesSource(bytes), { maxBytes });
  if (!opened.ok) return stop(...opened.diagnostics);
  const members = membersOf(opened.value);
  const pickle = members.get('data.pkl');
  if (pickle === undefined) return stop(damaged('PyTorch', 'its saved tensors have no data.pkl'));
  const order = members.get('byteorder');
  if (order !== undefined && new TextDecoder().decode(bytesOf(order)) !== 'little') return stop(bigEndian);
  const held = readPickle(bytesOf(pickle));
  if (!(held instanceof Map)) return stop(damaged('PyTorch', 'its saved tensors are no dictionary'));
  const tensors = held as ReadonlyMap<unknown, unknown>;
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined || tensor === null) return undefined;
    if (!(tensor instanceof PickledTensor)) return stop(parameterProblem(name, 'it is no tensor'));
    const elem = STORAGES[tensor.storageType];
    const storage = members.get(`data/${tensor.key}`);
    if (elem === undefined) return stop(parameterProblem(name, `its type is ${tensor.storageType}`));
    if (storage === undefined) return stop(parameterProblem(name, `its storage ${tensor.key} is missing`));
    return stridedHost(name, elem, bytesOf(storage), tensor);
  };
};

const bigEndian = diagnostic('IMP2004', 'the tensors are stored with the highest byte first', {
  notes: ['Save the model on a little-endian machine.'],
});

/** Tensors as plain bytes beside a table of their types and shapes. @throws {MrlError} */
const listedTensors = (table: unknown, folder: string, members: ReadonlyMap<string, ZipMember>): Reader => {
  const config = fields(fields(table, 'the table of weights')['config'], 'the table of weights');
  return (name) => {
    const entry = Object.hasOwn(config, name) ? fields(config[name], name) : undefined;
    if (entry === undefined) return undefined;
    const path = textOf(entry['path_name'], name);
    if (entry['use_pickle'] === true || !/^(weight|tensor)_/.test(path))
      return stop(diagnostic('IMP2004', `${name} is stored as a pickled object of Python`));
    const meta = fields(entry['tensor_meta'], name);
    const code = wholeOf(meta['dtype'], name);
    const elem = scalarName(code);
    if (elem === undefined || !isElemName(elem)) return stop(parameterProblem(name, `its type is number ${code}`));
    if (meta['layout'] !== 7) return stop(parameterProblem(name, 'it is not stored densely'));
    const member = members.get(`${folder}${path}`);
    if (member === undefined) return stop(parameterProblem(name, `its file ${path} is missing`));
    const sizes = (list: unknown): readonly number[] => listOf(list, name).map((s) => wholeOf(fields(s, name)['as_int'], name));
    return stridedHost(name, elem, bytesOf(member), {
      size: sizes(meta['sizes']),
      stride: sizes(meta['strides']),
      offset: wholeOf(fields(meta['storage_offset'], name)['as_int'], name),
    });
  };
};

const first =
  (...readers: readonly Reader[]): Reader =>
  (name) => {
    for (const read of readers) {
      const tensor = read(name);
      if (tensor !== undefined) return tensor;
    }
    return undefined;
  };
const nothing: Reader = () => undefined;

/** The archive of torch 2.9 (models/, data/) and of 2.8, whose weights are saved dictionaries. @throws {MrlError} */
const current = (members: ReadonlyMap<string, ZipMember>, maxBytes: number): ExportArchive => {
  const models = [...members.keys()].flatMap((name) => /^models\/([^/]+)\.json$/.exec(name)?.[1] ?? []);
  const [model] = models;
  if (model === undefined || models.length > 1) return stop(incomplete(`the archive has ${models.length} models, but one is wanted`));
  const order = members.get('byteorder');
  if (order !== undefined && new TextDecoder().decode(bytesOf(order)) !== 'little') return stop(bigEndian);
  const reader = (folder: string, config: string): Reader => {
    const saved = members.get(`${folder}${model}.pt`);
    if (saved !== undefined) return savedTensors(bytesOf(saved), maxBytes);
    const table = members.get(`${folder}${config}`);
    return table === undefined ? nothing : listedTensors(jsonOf(bytesOf(table)), folder, members);
  };
  const program = members.get(`models/${model}.json`);
  return {
    program: program === undefined ? undefined : jsonOf(bytesOf(program)),
    tensor: first(reader('data/weights/', `${model}_weights_config.json`), reader('data/constants/', `${model}_constants_config.json`)),
  };
};

/** The archive of torch 2.1 to 2.7. @throws {MrlError} */
const earlier = (members: ReadonlyMap<string, ZipMember>, program: ZipMember, maxBytes: number): ExportArchive => {
  const reader = (name: string): Reader => {
    const saved = members.get(name);
    return saved === undefined || saved.source.size === 0 ? nothing : savedTensors(bytesOf(saved), maxBytes);
  };
  return { program: jsonOf(bytesOf(program)), tensor: first(reader('serialized_state_dict.pt'), reader('serialized_constants.pt')) };
};

/** Opens what torch.export.save wrote. Checkpoints and TorchScript are refused (IMP2004): they are code. */
export const openArchive = (bytes: Uint8Array): Result<ExportArchive> => {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return fail(checkpoint);
  const maxBytes = FREE_BYTES + MAX_GROWTH * bytes.length;
  const opened = openZip(bytesSource(bytes), { maxBytes });
  if (!opened.ok) return opened;
  const members = membersOf(opened.value);
  try {
    const old = members.get('serialized_exported_program.json');
    if (old !== undefined) return ok(earlier(members, old, maxBytes));
    if ([...members.keys()].some((name) => name.startsWith('models/'))) return ok(current(members, maxBytes));
  } catch (error) {
    return fail(...caught(error));
  }
  if ([...members.keys()].some((name) => name.startsWith('code/'))) return fail(noProgram('a TorchScript module: code of Python'));
  if ([...members.keys()].some((name) => name.startsWith('data/aotinductor/'))) return fail(noProgram('a compiled package of AOTInductor'));
  return fail(members.has('data.pkl') ? checkpoint : damaged('PyTorch', 'the archive has no exported program'));
};
