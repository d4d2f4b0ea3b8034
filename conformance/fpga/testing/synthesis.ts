import { rtlFiles } from '../../../src/backends/fpga/index.ts';
import { filesFor, type SynthesisFamily, SYNTHESES, type Synthesized, synthesize } from '../../../src/backends/fpga/synthesis/index.ts';
import type { Result } from '../../../src/support/index.ts';

export type { SynthesisFamily } from '../../../src/backends/fpga/synthesis/index.ts';
export const FAMILY_NAMES = Object.keys(SYNTHESES) as readonly SynthesisFamily[];

interface Part {
  readonly top: string;
  readonly parameters?: Readonly<Record<string, number>>;
  /** Without modules kept: units that are small enough. */
  readonly flat?: boolean;
}

/** Small memories, of weights as small as still lie in block RAM: logic hardly depends on their sizes, and yosys takes less time. */
const SMALL = { SP_BEATS: 1024, WB_ENTRIES: 512, PB_BEATS: 128 };
const array = (WW: number, PACK: number, size: { readonly VI?: number; readonly GROUPS?: number } = {}): Part => ({
  top: 'cx_array',
  parameters: { ...SMALL, WW, PACK, ...size },
});
const lanes = (top: string, WW: number): Part => ({ top, parameters: { WW }, flat: true });

/** Units of the core, by configuration: what MEASURED of src/backends/fpga/devices holds. */
const PARTS = {
  lane8: lanes('cx_dot', 8),
  lane6: lanes('cx_dot', 6),
  pair8: lanes('cx_dot_pair', 8),
  pair6: lanes('cx_dot_pair', 6),
  registers: { top: 'cx_regs' },
  control: { top: 'cx_ctrl' },
  bus: { top: 'cx_axi' },
  processor: { top: 'cx_proc', parameters: { ICACHE_LINES: 64, DCACHE_LINES: 64 } },
  plain8: array(8, 0),
  packed8: array(8, 1),
  plain6: array(6, 0),
  packed6: array(6, 1),
  half8: array(8, 0, { VI: 8 }),
  double6: array(6, 1, { GROUPS: 2 }),
} as const satisfies Record<string, Part>;
export type PartName = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as readonly PartName[];

const isIntel = (family: SynthesisFamily): boolean => SYNTHESES[family].startsWith('synth_intel');

/** Resources of a part. Errors: FPG0010, FPG0011. @param cache - folder for results, by the hash of the Verilog that the part is made of */
export const synthesizePart = (family: SynthesisFamily, part: PartName, cache: string): Result<Synthesized> => {
  const { top, parameters = {}, flat = false }: Part = PARTS[part];
  const own = top === 'cx_array' && isIntel(family) ? { ...parameters, COLUMNS: 1 } : parameters;
  return synthesize({ family, top, files: filesFor(top, rtlFiles()), parameters: own, keep: !flat }, cache);
};
