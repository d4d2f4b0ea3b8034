import type { GpuInstance } from '../../src/backends/gpu/index.ts';
import { at } from '../../src/support/index.ts';
import type { Row } from '../rows.ts';
import { type Built, hasVectors, isBuilt } from './device-folder.ts';
import { built, open, type Times, timesOf, vectorsFor, wrongRuns } from './device-measure.ts';
import { type Case, effortOf, NO_GPU, type Setting } from './device-setting.ts';
import { networkTitle } from './networks/architectures.ts';

const title = ({ name, batch }: Case): string => `${networkTitle(name)} b${batch}`;

/** What torch takes for the case on the same card. */
const torchOf = ({ torch, device }: Setting, { torch: peer, batch }: Case): { readonly ms: number; readonly text: string } | undefined => {
  const row = torch.find((t) => t.network === peer?.network && t.batch === batch && t.device === device.info.name);
  return row === undefined ? undefined : { ms: row.median_ms, text: `${row.median_ms.toFixed(3)} ms: ${row.peer}` };
};

const ratioRow = (setting: Setting, item: Case, times: Times | undefined): Omit<Row, 'bench'> | undefined => {
  if (item.torch === undefined) return undefined;
  const byLatency = 'latency' in item.torch;
  const goal = 'latency' in item.torch ? `<= ${item.torch.latency}` : `>= ${item.torch.throughput}`;
  const name = `${title(item)}, ${byLatency ? 'latency' : 'throughput'} with copies, times torch.compile's`;
  if (times === undefined) return { name, unit: 'x', goal, skipped: NO_GPU };
  const peer = torchOf(setting, item);
  if (peer === undefined) return { name, unit: 'x', goal, skipped: 'no rows of bench/gpu/torch_peer.py for this card (TORCH_ROWS)' };
  const value = byLatency ? times.copies / peer.ms : peer.ms / times.copies;
  const met = 'latency' in item.torch ? value <= item.torch.latency : value >= item.torch.throughput;
  return { name, value, unit: 'x', goal, met, peer: peer.text };
};

/** Rows of the times of a case; without times they say why there are none. */
export const timeRows = (setting: Setting, item: Case, times: Times | undefined): void => {
  const { bench } = setting;
  const peer = torchOf(setting, item)?.text;
  const row = (what: string, unit: string, value: number | undefined, against?: string): void =>
    bench.row({ name: `${title(item)}, ${what}`, unit, ...(value === undefined ? { skipped: NO_GPU } : { value, peer: against }) });
  if (item.batch === 1) {
    row('latency with copies', 'ms', times?.copies, peer);
    row('latency of the kernels', 'ms', times?.kernels);
    row("latency of the backend's run", 'ms', times?.run, 'tensors in, tensors out');
  } else {
    const perSecond = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : (item.batch * 1000) / ms);
    row('throughput with copies', 'images/s', perSecond(times?.copies), peer);
    row('throughput of the kernels', 'images/s', perSecond(times?.kernels));
  }
  const ratio = ratioRow(setting, item, times);
  if (ratio !== undefined) bench.row(ratio);
};

/** Opens what was prepared of a case; undefined, and a row that says so, when something is missing. */
const openCase = (setting: Setting, item: Case): { readonly program: Built; readonly instance: GpuInstance } | undefined => {
  const missing = isBuilt(item) ? (hasVectors(item) ? undefined : "the CPU's bytes are missing") : 'it was not compiled';
  if (missing !== undefined) {
    setting.bench.row({ name: `${title(item)}, bytes of two images`, unit: '', goal: 'equal', skipped: missing });
    return undefined;
  }
  const program = built(item);
  return { program, instance: open(setting.device, program) };
};

/** Compares the bytes of a case with the CPU's, then times it. @returns what stays open for the stream, when it is wanted */
export const networkRows = (setting: Setting, item: Case, timed: boolean): void => {
  const opened = openCase(setting, item);
  if (opened === undefined) return;
  const { program, instance } = opened;
  try {
    const vectors = vectorsFor(item);
    const wrong = wrongRuns(instance, vectors);
    const value = wrong === 0 ? 'equal' : `${wrong} of ${2 * vectors.length} runs differ`;
    const peer = `the CPU; ${instance.device.name}`;
    setting.bench.row({ name: `${title(item)}, bytes of two images`, value, unit: '', goal: 'equal', met: wrong === 0, peer });
    if (!timed || wrong > 0) return;
    const times = timesOf(setting.device, program, instance, at(vectors, 0), effortOf(setting));
    if (!setting.fake) timeRows(setting, item, times);
  } finally {
    instance.close();
  }
};
