import { type GpuDevice, type GpuDriver, listGpus, loadTestedBackend } from '../../backends/index.ts';
import type { OpName } from '../../ir/index.ts';
import { ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { diagnosticJson } from '../show-diagnostics.ts';
import { formatBytes, formatFacts, formatTable } from '../text.ts';

export interface DevicesArgs {
  readonly selfTest: boolean;
}

/** What networks are made of: each kind of kernel has a part. */
const TESTED: readonly OpName[] = ['conv', 'dense', 'matmul', 'max_pool', 'add_rescale', 'rescale', 'table', 'concat', 'softmax'];

/** What the self-test of a device says. */
interface State {
  readonly state: 'passed' | 'failed' | 'refused' | 'not tested';
  readonly reasons: readonly string[];
}

const test = async (backend: string, context: Context): Promise<Result<State>> => {
  const tested = await loadTestedBackend(backend);
  if (!tested.ok) return tested;
  context.progress.step(`testing ${backend}`, 0, 1);
  // what it has not is no fault of the device
  const ops = TESTED.filter((op) => tested.value.refusal(op) === undefined);
  const results = await tested.value.selfTestAsync(ops);
  const failed = results.filter((r) => r.status === 'failed');
  const refused = results.filter((r) => r.status === 'refused');
  const reasons = [...new Set([...failed, ...refused].map((r) => r.reason ?? r.op))];
  return ok({ state: failed.length > 0 ? 'failed' : refused.length > 0 ? 'refused' : 'passed', reasons });
};

const NOT_TESTED: State = { state: 'not tested', reasons: [] };

/** Programs run on one device of a driver; the others are not tested. */
const CHOSEN_BY: Readonly<Partial<Record<GpuDriver['kind'], string>>> = { cuda: 'CORTEXC_CUDA_DEVICE', hip: 'CORTEXC_HIP_DEVICE' };
const isChosen = (driver: GpuDriver, { index }: GpuDevice, env: Context['io']['env']): boolean =>
  String(index) === (env[CHOSEN_BY[driver.kind] ?? ''] ?? '0');

/** `cortexc devices`: every GPU that a driver of this machine has. */
export const listDevices = async ({ selfTest }: DevicesArgs, context: Context): Promise<Result<Report>> => {
  const { env } = context.io;
  const drivers = await listGpus(env);
  const rows: string[][] = [];
  const json = [];
  let exit: 0 | 70 = 0;
  for (const driver of drivers) {
    const devices = [];
    for (const device of driver.devices) {
      const wanted = selfTest && isChosen(driver, device, env);
      const tested = wanted ? await test(driver.backend, context) : ok(NOT_TESTED);
      if (!tested.ok) return tested;
      const { state, reasons } = tested.value;
      if (state === 'failed') exit = 70;
      const { index, name, memoryBytes, architecture, processors } = device;
      rows.push([
        driver.kind,
        String(index),
        name,
        architecture,
        memoryBytes === undefined ? '' : formatBytes(memoryBytes),
        String(processors ?? ''),
        [state, ...reasons].join(': '),
      ]);
      devices.push({ index, name, memoryBytes, architecture, processors, selfTest: state, reasons: [...reasons] });
    }
    const { kind, backend, version, library, problem } = driver;
    json.push({ kind, backend, version, library, devices, ...(problem === undefined ? {} : { problem: diagnosticJson(problem) }) });
  }
  const facts = drivers.map(({ kind, version, library, problem }): readonly [string, string] => [
    `${kind} driver`,
    problem?.message ?? `${version ?? 'unknown'} (${library ?? ''})`,
  ]);
  const header = ['driver', 'device', 'name', 'architecture', 'memory', 'processors', 'self-test'];
  return ok({
    exit,
    json: { drivers: json },
    text: `${rows.length === 0 ? 'no GPU\n' : formatTable(header, rows)}\n${formatFacts(facts)}`,
  });
};
