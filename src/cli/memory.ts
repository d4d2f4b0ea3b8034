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
