import type { FamilyName } from './table.ts';

interface Part {
  readonly logic: number;
  readonly registers: number;
  readonly dsps: number;
}

/** Logic, registers and DSP blocks of the processor with control and bus, and of what the array adds. */
export interface Measured {
  readonly processor: Part;
  readonly array: Readonly<Record<'plain8' | 'packed8' | 'plain6' | 'packed6', Part>>;
  readonly source: string;
}

const part = (logic: number, registers: number, dsps: number): Part => ({ logic, registers, dsps });
const yosys = 'synthesis of the core by yosys 0.23 (npm run fpga-synth)';
const placeholder = {
  processor: part(12_000, 6000, 30),
  array: {
    plain8: part(12_000, 9000, 270),
    packed8: part(12_000, 9000, 140),
    plain6: part(12_000, 9000, 270),
    packed6: part(12_000, 9000, 140),
  },
  source: yosys,
};

export const MEASURED: Readonly<Record<FamilyName, Measured>> = {
  xc7: placeholder,
  xcu: placeholder,
  xcup: placeholder,
  cyclonev: placeholder,
  arria10: placeholder,
};
