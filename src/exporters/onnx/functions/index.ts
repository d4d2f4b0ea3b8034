import type { FunctionDef } from './define.ts';
import { fixed } from './fixed.ts';
import { float } from './float.ts';
import { integer } from './integer.ts';
import { layers } from './layers.ts';
import { quantized } from './quantized.ts';

export { FUNCTION_DOMAIN, FUNCTION_DOMAIN_VERSION } from './domain.ts';

/** All functions that an exported model may hold, by name: the op, and behind `__` the form of it. */
export const FUNCTIONS: Readonly<Record<string, FunctionDef>> = { ...fixed, ...float, ...integer, ...layers, ...quantized };
