import type { ProgramInfo } from '../runtime/program-info.ts';
import { ModelError, reasonOf } from './model-error.ts';

/** What the loader reads; another number, another layout. */
export const FORMAT = 'cortexc-wasm-1';
export const MANIFEST = 'model.json';
/** The custom section of a module that names the program it was made for. */
export const ID_SECTION = 'cortexc.program';

/** Bytes of the weights file that go to an address of linear memory: [address, offset in the file, bytes]. */
export type WeightsPart = readonly [address: number, offset: number, bytes: number];

/** Parts that are written, and the function of the module that is called afterwards. */
export interface Filling {
  readonly parts: readonly WeightsPart[];
  readonly call?: string;
}

/** A module and what it takes to run it. */
export interface ProgramFile {
  readonly file: string;
  readonly bytes: number;
  readonly info: ProgramInfo;
  /** What happens before the first run, in order. */
  readonly fill: readonly Filling[];
}

/** The content of model.json. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly name: string;
  /** SHA-256 of all that the program is; every module has it in its custom section. */
  readonly id: string;
  /** Operations of a run (`programCost`). */
  readonly work: number;
  readonly weights: { readonly file: string; readonly bytes: number; readonly sha256: string };
  /** The program for one thread, and where there is something to share, the one for several. */
  readonly programs: readonly [ProgramFile, ...ProgramFile[]];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

// Files of an emitted folder are written by one version together: the format says which, and no more is looked at.
const isManifest = (value: unknown): value is Manifest => isRecord(value) && value['format'] === FORMAT && Array.isArray(value['programs']);

const EMIT_AGAIN = 'Emit the model again and copy the whole folder.';

/** @throws {ModelError} BKD0021 when it is no model.json that this loader reads */
export const parseManifest = (text: string, url: string): Manifest => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const help = 'Check that the address is that of an emitted folder: servers may answer with a page of their own.';
    throw new ModelError('BKD0021', `${url} is no JSON: ${reasonOf(error)}`, help, { cause: error });
  }
  if (isManifest(value)) return value;
  const given = isRecord(value) ? String(value['format']) : typeof value;
  throw new ModelError('BKD0021', `${url} has format ${given}, but this loader reads ${FORMAT}`, EMIT_AGAIN);
};
