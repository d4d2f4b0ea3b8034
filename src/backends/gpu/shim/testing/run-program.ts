import { tensorBytes, type Tensor } from '../../../../ir/index.ts';
import { at, unwrap } from '../../../../support/index.ts';
import { parameterFile } from '../../cuda/emit.ts';
import type { GpuProgram, Launch } from '../../cuda/program.ts';
import { cFolder } from '../../../cpu/native/sources.ts';
import { buildShimModule, type ShimOptions } from '../build.ts';
import { DeviceError, type FakeDevice } from './fake-device.ts';

export interface ProgramRun {
  /** 0 forward, 1 reverse, 2 permuted. */
  readonly order: number;
  /** 0 late, 1 early. */
  readonly timing: number;
  /** Runs of the same instance: what one leaves behind may spoil the next. */
  readonly times: number;
}

/** Modules of all units of a program, in their order. */
export const buildProgram = (program: GpuProgram, options: ShimOptions): readonly string[] =>
  program.units.map(({ text }) => unwrap(buildShimModule({ text, include: [cFolder()] }, options)));

/**
 * Runs a program on the fake driver as a host would: uploads, initialization, then its launches. @returns bytes of its outputs
 * in each run. Throws DeviceError with what the shim says.
 */
export const runOnShim = (
  device: FakeDevice,
  program: GpuProgram,
  modules: readonly string[],
  inputs: readonly Tensor[],
  run: ProgramRun,
): readonly (readonly Uint8Array[])[] => {
  device.open({ ORDER: run.order, TIMING: run.timing, SEED: 5 });
  try {
    return runOpened(device, program, modules, inputs, run.times);
  } finally {
    device.close();
  }
};

const runOpened = (
  device: FakeDevice,
  program: GpuProgram,
  modules: readonly string[],
  inputs: readonly Tensor[],
  times: number,
): readonly (readonly Uint8Array[])[] => {
  const handles = modules.map((path) => device.load(path));
  const file = parameterFile(program);
  const arena = device.allocate(new Uint8Array(program.arenaBytes));
  const params = device.allocate(program.residentBytes > 0 ? file.subarray(0, program.residentBytes) : new Uint8Array(1));
  const start = (launches: readonly Launch[]): void => {
    for (const l of launches) device.launch(at(handles, l.unit), l.kernel, { ...l, environment: [arena, params] });
    device.synchronize();
  };
  const upload = (step: number): void => {
    for (const u of program.uploads)
      if (u.before === step) device.write(arena + BigInt(u.address), file.subarray(u.offset, u.offset + u.bytes));
  };
  upload(0);
  program.init.forEach((launches, step) => {
    if (step > 0) upload(step);
    start(launches);
  });
  return Array.from({ length: times }, () => {
    program.inputs.forEach(({ address }, i) => device.write(arena + BigInt(address), tensorBytes(at(inputs, i))));
    for (const step of program.steps) {
      try {
        start(step.launches);
      } catch (error) {
        if (error instanceof DeviceError) throw new DeviceError(error.status, `${step.place} ${step.op}: ${error.message}`);
        throw error;
      }
    }
    return program.outputs.map(({ address, bytes, passes }) =>
      passes === undefined ? device.read(arena + BigInt(address), bytes) : tensorBytes(at(inputs, passes)),
    );
  });
};
