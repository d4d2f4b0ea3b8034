import { findTool } from '../../src/backends/fpga/index.ts';
import { conformanceRows, gatesRows, lintRows, mutationRows, synthesisRows } from '../fpga/checks.ts';
import { networkRows } from '../fpga/network-rows.ts';
import { type FpgaNetwork, LARGE, SMALL } from '../fpga/networks.ts';
import { attempt, type Bench, type Suite, timed } from '../rows.ts';
import { prepareSimulator } from '../fpga/measure.ts';

/** The networks that --quick has no time for. */
const SLOW: readonly string[] = ['resnet50', 'resnet50-4'];

const onRtl = async (bench: Bench): Promise<void> => {
  const [built, ms] = timed(() => prepareSimulator());
  bench.row({ name: 'simulator of the RTL built, or found in the cache', value: ms / 1000, unit: 's', peer: built });
  const network = (n: FpgaNetwork, large: boolean): Promise<void> =>
    attempt(bench, n.title, () => Promise.resolve(networkRows(bench, n, large)));
  for (const n of SMALL) if (bench.wants(n.name)) await network(n, false);
  for (const n of LARGE) {
    if (!bench.wants(n.name)) continue;
    if (bench.quick && SLOW.includes(n.name))
      bench.row({ name: n.title, unit: '', skipped: 'its reference takes minutes: left out by --quick' });
    else await network(n, true);
  }
  if (bench.wants('conformance')) await attempt(bench, 'conformance', () => conformanceRows(bench));
};

const run = async (bench: Bench): Promise<void> => {
  const tool = findTool('verilator');
  if (tool.ok) await onRtl(bench);
  else
    bench.row({
      name: 'networks and conformance cases on the RTL',
      unit: '',
      skipped: tool.diagnostics[0]?.message ?? 'there is no verilator',
    });
  const part = (name: string, rows: () => void): Promise<void> =>
    bench.wants(name) ? attempt(bench, name, () => Promise.resolve(rows())) : Promise.resolve();
  await part('lint', () => lintRows(bench));
  await part('synthesis', () => synthesisRows(bench));
  await part('gates', () => gatesRows(bench, SMALL.find((n) => n.name === 'resnet8')?.package(bench)));
  await part('mutations', () => mutationRows(bench));
};

export const fpga: Suite = {
  name: 'fpga',
  summary: 'FPGA core on its simulated RTL: every layer against the reference, cycles and their prediction, utilisation, lint, synthesis',
  run,
};
