import {
  DTYPE_INFO,
  DTYPES,
  elementCount,
  endorphinOf,
  identityHash,
  isStaticType,
  paramDigest,
  type Port,
  type Program,
  programCost,
  sameShape,
} from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, ok, type Result, sha256Hex } from '../support/index.ts';
import { type FieldType, hash, integer, list, oneOf, plainName, real, record, text, tuple } from './fields.ts';
import { LIMITS } from './format.ts';

const MAX_LABELS = 200_000;
const MAX_PORTS = 4096;
const MAX_OPTIONS = 1024;
const MAX_LAYERS = 65_536;
const size = integer(1, 65_535);

/** How a picture becomes an input tensor. */
const preprocessing = record(
  {
    /** Subtracted, one per channel. */
    mean: list(real, { max: 4 }),
    /** Divided by, one per channel. */
    std: list(real, { max: 4 }),
    /** Multiplied onto pixel values 0..255 first. */
    scale: real,
    layout: oneOf(['NCHW', 'NHWC']),
    channels: oneOf(['RGB', 'BGR', 'gray']),
  },
  {
    resize: record(
      { width: size, height: size },
      { filter: oneOf(['nearest', 'bilinear']), fit: oneOf(['stretch', 'crop', 'letterbox']), crop: size },
    ),
  },
);

const port = record(
  {
    /** The name in the bytecode. */
    name: text(LIMITS.nameBytes),
    dtype: oneOf(DTYPES),
    shape: list(integer(0, LIMITS.dimension), { max: 8 }),
  },
  {
    /** Real value = scale * (integer - zero). */
    scale: real,
    zero: integer(-(2 ** 31), 2 ** 31 - 1),
    /** What the real value is called in the source model, when the name differs. */
    realName: text(LIMITS.nameBytes),
    preprocessing,
  },
);

const source = record(
  {
    format: text(64),
    /** File name without folder. */
    file: plainName(255),
    sha256: hash,
    compilerVersion: text(64),
  },
  {
    opset: integer(0, 1_000_000),
    producer: text(255),
    /** The options of the compiler that decide these bytes, by name; one that is given several times stands several times. */
    options: list(tuple([text(64), text(4096, { empty: true })]), { max: MAX_OPTIONS }),
    quantization: record(
      { method: text(255), bits: integer(1, 32), samples: integer(0, 2 ** 31 - 1) },
      {
        /** Digest of the calibration data. */
        calibration: hash,
        /** Layers whose bits are others than `bits` says: name, bits of the weights, bits of the result. */
        layers: list(tuple([text(LIMITS.nameBytes), integer(1, 32), integer(1, 32)]), { max: MAX_LAYERS }),
      },
    ),
  },
);

const metadata = record(
  {
    name: plainName(255),
    author: text(255, { empty: true }),
    description: text(65_536, { empty: true }),
    inputs: list(port, { max: MAX_PORTS }),
    outputs: list(port, { min: 1, max: MAX_PORTS }),
    /** `identityHash` of the program: names and metadata do not change it. */
    modelHash: hash,
    /** SHA-256 of one line `sha256:<digest>` per parameter, in order. */
    parameterHash: hash,
    /** Bytes of the decoded parameters. */
    rawSize: integer(0, LIMITS.parameterBytes),
    /** Price of one run. */
    endorphin: integer(1, Number.MAX_SAFE_INTEGER),
    licence: text(255, { empty: true }),
    version: text(64, { empty: true }),
    source,
  },
  {
    /** Class names by index. */
    labels: list(text(255), { max: MAX_LABELS }),
    /** The float32 parameters that the model was made from: SHA-256 of their manifest, and how many bytes they have. */
    floatParameters: record({ digest: hash, bytes: integer(0, 4 * LIMITS.parameterBytes) }),
  },
);

/** What a package says about its model. */
export type PackageMetadata = FieldType<typeof metadata>;
export type PortMetadata = FieldType<typeof port>;
export type Preprocessing = FieldType<typeof preprocessing>;
export type SourceProvenance = FieldType<typeof source>;

const MAX_PROBLEMS = 100;

/** Checks metadata from anywhere; lists every field that is wrong (the first 100). */
export const readMetadata = (value: unknown): Result<PackageMetadata> => {
  const problems: Diagnostic[] = [];
  const read = metadata(value, 'metadata', (path, problem) => {
    if (problems.length < MAX_PROBLEMS) problems.push(diagnostic('CVM2006', `${path} ${problem}`));
    return undefined;
  });
  return read === undefined || problems.length > 0 ? fail(...problems) : ok(read);
};

/** The fields that follow from the program. */
export type ComputedMetadata = Pick<PackageMetadata, 'modelHash' | 'parameterHash' | 'rawSize' | 'endorphin'>;

/** @param program - as decoded or given: the result does not depend on names, order or dead code */
export const computedMetadata = (canonical: Program): ComputedMetadata => {
  const digests = canonical.params.map((p) => `sha256:${paramDigest(p.tensor)}\n`);
  const rawSize = canonical.params.reduce((n, p) => {
    const type = at(canonical.types, p.value);
    return n + (isStaticType(type) ? elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes : 0);
  }, 0);
  return {
    modelHash: identityHash(canonical),
    parameterHash: sha256Hex(...digests),
    rawSize,
    endorphin: endorphinOf(programCost(canonical)),
  };
};

/** Name, dtype and shape of each input or output, for metadata that adds nothing to them. */
export const portMetadata = (program: Program, ports: readonly Port[]): readonly PortMetadata[] =>
  ports.map((p) => {
    const type = at(program.types, p.value);
    return { name: p.name, dtype: type.dtype, shape: type.shape.filter((d): d is number => typeof d === 'number') };
  });

const portProblems = (what: string, program: Program, ports: readonly Port[], given: readonly PortMetadata[]): Diagnostic[] => {
  if (ports.length !== given.length) {
    return [diagnostic('CVM2011', `metadata has ${given.length} ${what} but the program has ${ports.length}`)];
  }
  return ports.flatMap((p, i) => {
    const type = at(program.types, p.value);
    const { name, dtype, shape } = at(given, i);
    return name === p.name && dtype === type.dtype && sameShape(shape, type.shape)
      ? []
      : [
          diagnostic(
            'CVM2011',
            `metadata.${what}[${i}] is ${name}: ${dtype}[${shape.join(', ')}] but the program has ${p.name}: ${type.dtype}[${type.shape.join(', ')}]`,
          ),
        ];
  });
};

/** Compares metadata with what the program gives. */
export const metadataProblems = (program: Program, given: PackageMetadata): Diagnostic[] => {
  const computed = computedMetadata(program);
  const fields = ['modelHash', 'parameterHash', 'rawSize', 'endorphin'] as const;
  return [
    ...fields.flatMap((f) =>
      computed[f] === given[f]
        ? []
        : [diagnostic('CVM2011', `metadata.${f} is ${String(given[f])} but the program gives ${String(computed[f])}`)],
    ),
    ...portProblems('inputs', program, program.inputs, given.inputs),
    ...portProblems('outputs', program, program.outputs, given.outputs),
  ];
};
