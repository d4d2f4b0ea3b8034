import { openPrepared, type PreparedRequest, recallPackage, rememberPackage, rememberPrepared } from '../../backends/index.ts';
import type { Executable } from '../../backends/index.ts';
import { type ByteSource, Sha256, sourcePieces } from '../../support/index.ts';
import type { Quantization } from './execute.ts';
import type { InputPort } from './inputs.ts';

/** What running a package needs to know of it besides its compiled program. */
export interface PackageFacts {
  readonly inputs: readonly (InputPort & { readonly quantization?: Quantization | undefined })[];
  readonly outputs: readonly { readonly name: string; readonly quantization?: Quantization | undefined }[];
  readonly labels?: readonly string[] | undefined;
  /** Operations of a run. */
  readonly cost: number;
}

/** How a remembered program runs. */
export type RunChoice = Omit<PreparedRequest, 'identity'>;

/** SHA-256 of a whole file: what a package is remembered by. */
export const digestOfSource = (source: ByteSource): string => {
  const hash = new Sha256();
  for (const piece of sourcePieces(source)) hash.update(piece);
  return hash.finish();
};

/** What an earlier process found when it decoded, verified and proved a package, by the digest of its file. */
export const recallFacts = (identity: string, build: string | undefined): PackageFacts | undefined => {
  const text = recallPackage(identity, { build });
  // the cache has checked its digest, so this is what `rememberRun` wrote
  return text === undefined ? undefined : (JSON.parse(text) as PackageFacts);
};

export const openRemembered = (identity: string, choice: RunChoice, build: string | undefined): Executable | undefined =>
  openPrepared({ identity, ...choice }, { build });

/** Remembers a package and its program, which have passed everything. @param handle - of the executable */
export const rememberRun = (identity: string, facts: PackageFacts, choice: RunChoice, handle: string, build: string | undefined): void => {
  rememberPackage(identity, JSON.stringify(facts), { build });
  rememberPrepared({ identity, ...choice }, handle, { build });
};
