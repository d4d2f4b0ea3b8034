import { diagnostic, type Diagnostic } from '../../../support/index.ts';
import type { Environment } from '../../programs.ts';
import { type FoundGpu, locateGpu } from './host/find.ts';
import { describeAdapter } from './host/runtime.ts';

/** What WebGPU of this process has. */
export interface Adapters {
  readonly library?: string;
  readonly version?: string;
  /** The first is the one that programs run on. */
  readonly devices: readonly { readonly name: string; readonly architecture: string }[];
  readonly problem?: Diagnostic;
}

/** An engine without adapter. */
const noAdapter = (): Diagnostic =>
  diagnostic('GPU0002', 'WebGPU is here, but has no adapter', {
    notes: ['A Vulkan driver is needed; VK_ICD_FILENAMES names one. Other backends give the same bytes.'],
  });

const factsOf = ({ library = 'of this engine', version }: FoundGpu) => ({ library, ...(version === undefined ? {} : { version }) });

/** The adapters of WebGPU: it tells one for each wish of power, which may be the same. */
export const listAdapters = async (env: Environment): Promise<Adapters> => {
  const found = await locateGpu(env);
  if (!found.ok) {
    const [problem] = found.diagnostics;
    return { devices: [], ...(problem === undefined ? {} : { problem }) };
  }
  const devices = new Map<string, Adapters['devices'][number]>();
  for (const powerPreference of ['high-performance', 'low-power']) {
    const adapter = await found.value.gpu.requestAdapter({ powerPreference });
    if (adapter === null) continue;
    const { name, details } = describeAdapter(adapter);
    devices.set(details.join(), { name, architecture: details[1] ?? '' });
  }
  const facts = { ...factsOf(found.value), devices: [...devices.values()] };
  return devices.size === 0 ? { ...facts, problem: noAdapter() } : facts;
};
