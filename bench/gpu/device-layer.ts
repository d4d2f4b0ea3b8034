import { at } from '../../src/support/index.ts';
import { isBuilt } from './device-folder.ts';
import { built, largestKernel, vectorsFor } from './device-measure.ts';
import { effortOf, LAYER, NO_GPU, type Setting } from './device-setting.ts';
import { networkTitle } from './networks/architectures.ts';

/** 10^12 operations a second of 8-bit integers on tensor cores, dense, by the datasheets of H100 SXM5 and H200 SXM. */
const PEAKS: readonly (readonly [pattern: RegExp, tops: number])[] = [[/H100.*HBM3|H200/, 1979]];

const GOAL = 35;

/** The share of the peak that a convolution of 256 channels reaches. */
export const layerRows = (setting: Setting): void => {
  const { bench, device } = setting;
  const name = `${networkTitle(LAYER.name)} b${LAYER.batch}, product alone`;
  const share = { name: `${name}, share of int8 peak`, unit: '%', goal: `>= ${GOAL}` };
  if (setting.fake) return bench.row({ ...share, skipped: NO_GPU });
  if (!isBuilt(LAYER)) return bench.row({ ...share, skipped: 'it was not compiled' });
  const { ms, macs } = largestKernel(device, built(LAYER), at(vectorsFor(LAYER), 0), effortOf(setting));
  const tops = (2 * macs) / ms / 1e9;
  bench.row({ name, value: tops, unit: 'TOPS', peer: device.info.name });
  const peak = PEAKS.find(([pattern]) => pattern.test(device.info.name))?.[1];
  if (peak === undefined) return bench.row({ ...share, skipped: `the peak of ${device.info.name} is not known here` });
  const value = (100 * tops) / peak;
  bench.row({ ...share, value, met: value >= GOAL, peer: `${peak} TOPS dense by datasheet` });
};
