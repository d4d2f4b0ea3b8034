import { diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import type { Environment } from '../../programs.ts';
import type { Driver } from './driver.ts';
import { type Platform, PLATFORMS } from './functions.ts';

/** What is known of a device. */
export interface DeviceInfo {
  readonly platform: Platform;
  readonly index: number;
  readonly name: string;
  /** Of CUDA: compute capability, 90 for 9.0. Of HIP: 0. */
  readonly capability: number;
  /** What kernels are compiled for: `90`; `gfx90a:sramecc+:xnack-`. */
  readonly architecture: string;
  readonly memoryBytes: number;
  readonly processors: number;
}

/** More than hipDeviceProp_t of any version has. */
const PROPERTIES_BYTES = 8192;
/** Its first member is the device's name, which may be any text. */
const NAME_BYTES = 256;

/**
 * hipDeviceProp_t.gcnArchName: `gfx90a:sramecc+:xnack-`. The structure has other layouts since ROCm 6, so that the text is looked for
 * behind the name. @throws {MrlError} GPU0003
 */
const gcnArchName = (driver: Driver, index: number, name: string): string => {
  const properties = new Uint8Array(PROPERTIES_BYTES);
  const ask = driver.bind('int hipGetDeviceProperties(void *, int)') ?? driver.bind('int hipGetDevicePropertiesR0600(void *, int)');
  const status = ask?.(properties, index) ?? -1;
  const text = status === 0 ? new TextDecoder('latin1').decode(properties.subarray(NAME_BYTES)) : '';
  const found = /gfx[0-9a-f]{3,5}(?::[a-z]+[+-])*(?=\0)/.exec(text)?.[0];
  if (found !== undefined) return found;
  throw new MrlError([
    diagnostic('GPU0003', `hipGetDeviceProperties of ${name} gives no name of an architecture (status ${status})`, {
      where: driver.path,
      notes: [PLATFORMS.hip.remedy],
    }),
  ]);
};

const deviceAt = (driver: Driver, index: number): DeviceInfo => {
  const { platform } = driver;
  const { attributes } = PLATFORMS[platform];
  const device = driver.number('deviceGet', index);
  const text = new Uint8Array(256);
  driver.call('deviceName', text, text.length, device);
  const name = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  const attribute = (number: number): number => driver.number('deviceAttribute', number, device);
  const capability = platform === 'cuda' ? attribute(attributes.major) * 10 + attribute(attributes.minor) : 0;
  return {
    platform,
    index,
    name,
    capability,
    architecture: platform === 'cuda' ? String(capability) : gcnArchName(driver, index, name),
    memoryBytes: Number(driver.make('deviceMemory', device)),
    processors: attribute(attributes.processors),
  };
};

/** All devices of a driver. Errors: GPU0003, GPU0007. */
export const listDevices = (driver: Driver): Result<readonly DeviceInfo[]> => {
  try {
    const count = driver.number('deviceCount');
    return ok(Array.from({ length: count }, (_, i) => deviceAt(driver, i)));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};

const LEAST_CAPABILITY = 75;

/** The device that programs run on: CORTEXC_CUDA_DEVICE or CORTEXC_HIP_DEVICE, else the first. Errors: GPU0002, GPU0003, GPU0007. */
export const chooseDevice = (driver: Driver, env: Environment = process.env): Result<DeviceInfo> => {
  const devices = listDevices(driver);
  if (!devices.ok) return devices;
  const { deviceVariable, remedy } = PLATFORMS[driver.platform];
  const named = env[deviceVariable] ?? '0';
  const device = devices.value.find((d) => String(d.index) === named);
  const names = devices.value.map((d) => `${d.index} (${d.name})`).join(', ');
  if (device === undefined)
    return fail(
      diagnostic('GPU0002', `there is no device ${named}; the driver has ${names === '' ? 'none' : names}`, {
        where: driver.path,
        notes: [remedy],
      }),
    );
  if (device.platform === 'cuda' && device.capability < LEAST_CAPABILITY)
    return fail(
      diagnostic('GPU0003', `${device.name} has compute capability ${device.capability / 10}; kernels need ${LEAST_CAPABILITY / 10}`, {
        where: driver.path,
        notes: [remedy],
      }),
    );
  return ok(device);
};
