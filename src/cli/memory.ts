import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Frees what nothing refers to any more, now. The engine waits for pressure on its own heap and hardly counts the memory of
 * typed arrays and WebAssembly, so without this a dead copy of the weights lives on next to the new one.
 */
export const collectGarbage = (): void => {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    const found: unknown = runInNewContext('gc');
    collect = typeof found === 'function' ? () => void found() : () => undefined;
  }
  collect();
};

/** Dead copies of parameters that may pile up before they are collected. */
const PILE_BYTES = 2 ** 27;
let pile = 0;

/** Called before bytes are allocated for a large parameter: what was read before it and is not used any more goes first. */
export const makeRoom = (bytes: number): void => {
  pile += bytes;
  if (pile < PILE_BYTES) return;
  pile = bytes;
  collectGarbage();
};
