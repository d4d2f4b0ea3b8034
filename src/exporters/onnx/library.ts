import { FUNCTION_DOMAIN, FUNCTION_DOMAIN_VERSION, FUNCTIONS } from './functions/index.ts';
import { encodeModel } from './message.ts';

/** A model without nodes that holds every function an exported model may hold. */
export const functionLibrary = (): Uint8Array =>
  encodeModel({
    irVersion: 10,
    opsetImport: [{ domain: FUNCTION_DOMAIN, version: FUNCTION_DOMAIN_VERSION }],
    functions: Object.entries(FUNCTIONS).map(([name, def]) => def.message(name)),
  });
