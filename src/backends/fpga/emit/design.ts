import type { Device } from '../devices/index.ts';

/** What project files of a maker's tool need to know. */
export interface Design {
  /** Of the program, as a file name. */
  readonly name: string;
  readonly top: string;
  readonly device: Device;
  /** Clock that the constraints ask for, in MHz. */
  readonly clockMhz: number;
  /** Verilog files relative to the folder, in any order. */
  readonly sources: readonly string[];
  /** Included files relative to the folder. */
  readonly headers: readonly string[];
}

/** Folder of Verilog in an emitted folder. */
export const RTL_FOLDER = 'rtl';

/** Period of the clock in ns, as constraints have it. */
export const periodNs = ({ clockMhz }: Design): string => (1000 / clockMhz).toFixed(3);
