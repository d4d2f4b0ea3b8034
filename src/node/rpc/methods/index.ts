import { CORTEX } from './cortex.ts';
import { DEVELOPMENT } from './development.ts';
import { ETH } from './eth.ts';
import type { Method } from './method.ts';

/** Every method, by name. */
export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>(Object.entries({ ...ETH, ...DEVELOPMENT, ...CORTEX }));
