import protobuf from 'protobufjs';
import { elementCount, runProgram, type Tensor, verifyProgram } from '../../../ir/index.ts';
import { fail } from '../../../support/index.ts';
import type { FilesBeside, ImportReport } from '../../contract.ts';
import { incomplete } from '../../import-problems.ts';
import { caffe } from '../index.ts';

export interface TestBlob {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
export type TestBlobs = Readonly<Record<string, readonly TestBlob[]>>;

/** Numbers between -1 and 1, the same everywhere. */
export const filled = (shape: readonly number[], seed: number, lo = -1, hi = 1): TestBlob => ({
  shape,
  data: Array.from({ length: elementCount(shape) }, (_, i) =>
    Math.fround(lo + ((hi - lo) * ((i * 7919 + seed * 104_729 + 31) % 1009)) / 1008),
  ),
});

const message = (w: protobuf.Writer, id: number, write: (w: protobuf.Writer) => void): void => {
  write(w.uint32((id << 3) | 2).fork());
  w.ldelim();
};
const packed = (w: protobuf.Writer, id: number, data: readonly number[], one: (w: protobuf.Writer, v: number) => void): void =>
  message(w, id, (inner) => {
    for (const v of data) one(inner, v);
  });

/** BlobProto with a shape, or with the four numbers of old files. */
export const writeBlob = (w: protobuf.Writer, { shape, data }: TestBlob, form: 'shape' | 'four' | 'double' = 'shape'): void => {
  if (form === 'four') shape.forEach((d, i) => w.uint32(((i + 1) << 3) | 0).int32(d));
  else message(w, 7, (s) => packed(s, 1, shape, (p, d) => p.int64(d)));
  if (form === 'double') packed(w, 8, data, (p, v) => p.double(v));
  else packed(w, 5, data, (p, v) => p.float(v));
};

/** A .caffemodel that holds blobs alone. */
export const caffemodel = (blobs: TestBlobs): Uint8Array => {
  const w = protobuf.Writer.create();
  for (const [name, list] of Object.entries(blobs))
    message(w, 100, (layer) => {
      layer.uint32(10).string(name);
      for (const blob of list) message(layer, 7, (b) => writeBlob(b, blob));
    });
  return new Uint8Array(w.finish());
};

export const files = (named: Readonly<Record<string, Uint8Array>>): FilesBeside => ({
  has: (name) => Object.hasOwn(named, name),
  read: (name) => {
    const bytes = named[name];
    return bytes === undefined ? fail(incomplete(`there is no ${name}`)) : { ok: true, value: bytes };
  },
  list: () => Object.keys(named).sort(),
});

export interface ExamineOptions {
  readonly file?: string;
  readonly blobs?: TestBlobs | undefined;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly randomParams?: boolean;
}

/** What the importer tells of a net in text, with the weights beside it. */
export const examined = async (net: string | Uint8Array, options: ExamineOptions = {}): Promise<ImportReport> =>
  await caffe.examine(typeof net === 'string' ? new TextEncoder().encode(net) : net, {
    file: options.file ?? 'net.prototxt',
    beside: files(options.blobs === undefined ? {} : { 'net.caffemodel': caffemodel(options.blobs) }),
    params: undefined,
    shapes: new Map(Object.entries(options.shapes ?? {})),
    randomParams: options.randomParams ?? false,
  });

export const codesOf = (report: ImportReport): readonly string[] => report.problems.map((d) => d.code);

/** Outputs of a net without problems. */
export const outputsOf = async (net: string, inputs: readonly TestBlob[], blobs?: TestBlobs): Promise<readonly Tensor[]> => {
  const { program, problems } = await examined(net, { blobs });
  if (problems.length > 0 || program === undefined) throw new TypeError(problems.map((d) => `${d.code} ${d.message}`).join('; '));
  const verified = verifyProgram(program);
  if (!verified.ok) throw new TypeError('the program does not verify');
  return runProgram(
    program,
    inputs.map(({ shape, data }) => ({ dtype: 'f32', shape, data: Float32Array.from(data) })),
  );
};
