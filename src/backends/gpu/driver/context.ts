import { diagnostic, MrlError } from '../../../support/index.ts';
import type { DeviceInfo } from './device.ts';
import type { Driver, Handle } from './driver.ts';
import { NOT_READY } from './functions.ts';

/** A device's context in this process. */
export interface Context {
  readonly handle: Handle;
  users: number;
  /** The error that spoiled it. */
  lost: string | undefined;
  /** The stream with work that did not end in time. */
  late: Handle | undefined;
}

/** Contexts by driver and device: programs share one, which an error of a kernel spoils for all of them. */
const contexts = new Map<string, Context>();

const keyOf = (driver: Driver, device: DeviceInfo): string => `${driver.platform} ${driver.path} ${device.index}`;

/** How long work that was late may still take before its device counts as hung. */
const GRACE_MS = 1000;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Whether what was late has ended by now; what runs on a device cannot be stopped from within the process. */
const hasEnded = (driver: Driver, late: Handle, graceMs: number): boolean => {
  const deadline = performance.now() + graceMs;
  while (driver.status('streamQuery', late) === NOT_READY) {
    if (performance.now() >= deadline) return false;
    Atomics.wait(PAUSE, 0, 0, 1);
  }
  return true;
};

/**
 * The context for a new program; a lost one is given up first, whoever still refers to it.
 * @throws {MrlError} GPU0007; GPU0009 while a kernel that was given up still runs: waiting for it could take for ever
 */
export const contextFor = (driver: Driver, device: DeviceInfo): Context => {
  const key = keyOf(driver, device);
  const known = contexts.get(key);
  if (known !== undefined && known.lost === undefined) return known;
  if (known !== undefined) {
    driver.status('contextSet', known.handle);
    if (known.late !== undefined && !hasEnded(driver, known.late, GRACE_MS))
      throw new MrlError([
        diagnostic('GPU0009', `the device still runs what was given up: ${known.lost}`, {
          where: device.name,
          notes: [
            'It is free when this process ends. Other backends give the same bytes; --isolate runs programs in a process that can be ended.',
          ],
        }),
      ]);
    driver.resetDevice(device.index, known.handle);
  }
  const handle = driver.make('contextRetain', driver.number('deviceGet', device.index));
  const context: Context = { handle, users: 0, lost: undefined, late: undefined };
  contexts.set(key, context);
  return context;
};

/** One program less. */
export const leaveContext = (driver: Driver, device: DeviceInfo, context: Context): void => {
  if (--context.users > 0) return;
  const key = keyOf(driver, device);
  if (contexts.get(key) === context) {
    const isHung = context.late !== undefined && !hasEnded(driver, context.late, 0);
    // it has to be known when the next program comes
    if (isHung) return;
    contexts.delete(key);
    // what is left of a lost context goes with it
    if (context.lost !== undefined) driver.resetDevice(device.index, context.handle);
  }
  driver.status('contextRelease', device.index);
};
