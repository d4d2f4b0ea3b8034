import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGpuJs, type FoundGpuJs } from '../host/find.ts';

/** Where tests/peers/provide.sh puts gpu.js. */
const OWN = join(fileURLToPath(new URL('../../../../../tests/peers', import.meta.url)), 'gpujs', 'node_modules', 'gpu.js');

/** gpu.js for tests, if it is installed; what is skipped without it is told. */
export const gpuJsForTests = async (what: string): Promise<FoundGpuJs | undefined> => {
  const { CORTEXC_GPUJS: named = '' } = process.env;
  const found = await findGpuJs({ CORTEXC_GPUJS: named === '' ? OWN : named });
  if (found.ok) return found.value;
  console.warn(`SKIPPED: ${what}; ${found.diagnostics[0]?.message} (sh tests/peers/provide.sh installs it)`);
  return undefined;
};
