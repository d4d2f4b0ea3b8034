import { join } from 'node:path';
import { buildFakeDriver } from '../../../src/backends/gpu/index.ts';
import { cudaRows } from '../../../src/backends/gpu/cuda/rows.ts';
import { cudaSource } from '../../../src/backends/gpu/cuda/source.ts';
import { DeviceError, FakeDevice } from '../../../src/backends/gpu/shim/testing/fake-device.ts';
import { buildProgram, runOnShim } from '../../../src/backends/gpu/shim/testing/run-program.ts';
import { firstDifference } from '../../../src/conformance/index.ts';
import { canonicalizeNaN, DTYPE_INFO, elementCount, type Program, type Tensor } from '../../../src/ir/index.ts';
import { at, unwrap } from '../../../src/support/index.ts';
import { repositoryRoot } from '../../mutations/plant.ts';

/**
 * Bytes free behind every place: vector loads read up to sixteen pixels past a row, and a neighbour that another thread writes would
 * look like a race, though no result depends on it.
 */
const GAP = 4096;

/** A program with its inputs and what it has to give. */
export interface RaceCase {
  readonly name: string;
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** The tensor of these bytes of a device; NaNs get their one pattern. */
const tensorOf = ({ dtype, shape }: Tensor, bytes: Uint8Array): Tensor => {
  const data = DTYPE_INFO[dtype].view(bytes.slice().buffer, 0, elementCount(shape));
  if (data instanceof Float32Array) canonicalizeNaN(data);
  return { dtype, shape, data };
};

/** Where built files are kept. */
export const raceFolder = (): string => join(repositoryRoot(), 'build', 'gpu-races');

/**
 * Runs a program with a look at every access of every thread, in one order of threads: accesses are compared by what orders them, not by
 * when they happen. @returns the first race or other fault, or the outputs that differ from the reference; undefined for none
 */
export const findRace = (device: FakeDevice, { name, program, inputs, outputs }: RaceCase, folder = raceFolder()): string | undefined => {
  const source = unwrap(cudaSource(program, { rows: cudaRows(), gap: GAP }));
  const modules = buildProgram(source, { folder, check: true, flags: ['-O1'] });
  try {
    const [results = []] = runOnShim(device, source, modules, inputs, { order: 2, timing: 0, times: 1 });
    const differing = outputs.flatMap((tensor, i) =>
      firstDifference([tensorOf(tensor, at(results, i))], [tensor]) === undefined ? [] : [at(program.outputs, i).name],
    );
    return differing.length === 0 ? undefined : `${name}: differs from the reference in ${differing.slice(0, 5).join(', ')}`;
  } catch (error) {
    if (error instanceof DeviceError) return `${name}: ${error.message}`;
    throw error;
  }
};

/** The driver whose kernels run on the CPU. */
export const openDevice = (folder = raceFolder()): FakeDevice => new FakeDevice(unwrap(buildFakeDriver({ folder })));
