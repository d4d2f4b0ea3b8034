import { CATALOG } from './catalog.ts';
import { CORTEX } from './cortex.ts';
import { DEVELOPMENT } from './development.ts';
import { ETH } from './eth.ts';
import { FILTERS } from './filters.ts';
import { LOOKUPS } from './lookups.ts';
import type { Method } from './method.ts';
import { NETWORK } from './network.ts';
import { PACKAGES } from './packages.ts';
import { SHARING } from './sharing.ts';
import { SIGNING } from './signing.ts';
import { TRACE } from './trace.ts';
import { UNREPLAYABLE } from './unreplayable.ts';

/** Every method, by name. */
export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>(
  Object.entries({
    ...SHARING,
    ...ETH,
    ...DEVELOPMENT,
    ...CORTEX,
    ...CATALOG,
    ...PACKAGES,
    ...FILTERS,
    ...LOOKUPS,
    ...NETWORK,
    ...TRACE,
    ...SIGNING,
    ...UNREPLAYABLE,
  }),
);
