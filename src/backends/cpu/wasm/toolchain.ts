import type binaryen from 'binaryen';
import { invariant } from '../../../support/index.ts';

type Binaryen = typeof binaryen;

/**
 * binaryen is 15 MB of script and takes about half a second to load, so nothing imports it statically: the command line
 * pays for it only when it compiles. The loaded library is the one piece of state of this backend.
 */
let loaded: Binaryen | undefined;

export const prepareToolchain = async (): Promise<void> => {
  loaded ??= (await import('binaryen')).default;
};

export const toolchain = (): Binaryen => {
  invariant(loaded !== undefined, 'the wasm backend compiles before its prepare() has finished');
  return loaded;
};
