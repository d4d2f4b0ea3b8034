import type { CoreErrorName } from '../isa/registers.ts';

/** The core stops with an error. */
export class CoreFault extends Error {
  readonly error: CoreErrorName;
  /** ERROR_INFO. */
  readonly info: number;
  constructor(error: CoreErrorName, info: number) {
    super(`${error}, ${info}`);
    this.error = error;
    this.info = info >>> 0;
  }
}
