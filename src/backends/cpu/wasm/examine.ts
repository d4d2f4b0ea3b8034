import { diagnostic } from '../../../support/index.ts';
import type { MachineFact } from '../../backend.ts';

/**
 * What programs on threads need of the engine besides WebAssembly itself.
 * @param scope - where it is looked for; another one than the global scope in tests
 */
export const examineEngine = (
  scope: { readonly SharedArrayBuffer?: unknown; readonly Atomics?: unknown } = globalThis,
): readonly MachineFact[] => {
  const missing = (['SharedArrayBuffer', 'Atomics'] as const).filter((name) => scope[name] === undefined);
  if (missing.length === 0) return [{ name: 'shared memory', value: 'SharedArrayBuffer: programs can run on threads' }];
  const message = `this engine has no ${missing.join(' and no ')}: wasm runs on one thread`;
  const problem = diagnostic('BKD0010', message, {
    severity: 'warning',
    notes: ['Leave out flags that turn it off (--no-harmony-sharedarraybuffer).'],
  });
  return [{ name: 'shared memory', value: `none: ${missing.join(', ')} missing`, problem }];
};
