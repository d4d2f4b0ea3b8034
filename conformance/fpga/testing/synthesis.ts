import { rtlFiles } from '../../../src/backends/fpga/index.ts';
import { type SynthesisFamily, SYNTHESES, type Synthesized, synthesize } from '../../../src/backends/fpga/synthesis/index.ts';
import type { Result } from '../../../src/support/index.ts';

export type { SynthesisFamily } from '../../../src/backends/fpga/synthesis/index.ts';
export const FAMILY_NAMES = Object.keys(SYNTHESES) as readonly SynthesisFamily[];

/** Small memories: logic does not depend on their sizes, and yosys takes half the time. */
const SMALL = { SP_BEATS: 1024, WB_ENTRIES: 64, PB_BEATS: 128 };

/** Parts of the core by configuration: what MEASURED of src/backends/fpga/devices holds. */
const PARTS = {
  processor: { top: 'cx_core', parameters: { ARRAY: 0 } },
  plain8: { top: 'cx_array', parameters: { ...SMALL, AW: 8, WW: 8, PACK: 0 } },
  packed8: { top: 'cx_array', parameters: { ...SMALL, AW: 8, WW: 8, PACK: 1 } },
  plain6: { top: 'cx_array', parameters: { ...SMALL, AW: 6, WW: 6, PACK: 0 } },
  packed6: { top: 'cx_array', parameters: { ...SMALL, AW: 6, WW: 6, PACK: 1 } },
} as const;
export type PartName = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as readonly PartName[];

/** Resources of a part. Errors: FPG0010, FPG0011. @param cache - folder for results */
export const synthesizePart = (family: SynthesisFamily, part: PartName, cache: string): Result<Synthesized> =>
  synthesize({ family, files: rtlFiles(), ...PARTS[part] }, cache);
