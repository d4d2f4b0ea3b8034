import { findGpuJs, type FoundGpuJs } from '../host/find.ts';

/** gpu.js for tests, if it is installed; what is skipped without it is told. */
export const gpuJsForTests = async (what: string): Promise<FoundGpuJs | undefined> => {
  const found = await findGpuJs();
  if (found.ok) return found.value;
  console.warn(`${what}: SKIPPED, ${found.diagnostics[0]?.message} (sh scripts/provide-gpujs.sh installs it for tests)`);
  return undefined;
};
