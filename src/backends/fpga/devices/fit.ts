import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { type ArraySize, type CoreConfig, DEFAULT_CONFIG } from '../isa/config.ts';
import { type Device, deviceByName, DEVICES, FAMILIES } from './table.ts';
import { estimateCore, type Estimate } from './estimate.ts';

/** Of logic and registers at most so much is planned for: the rest is for interconnect, clocks and a placement that succeeds. */
const MOST_LOGIC = 0.9;

/** A resource of which a device has too little. */
export interface Shortage {
  readonly what: string;
  readonly needed: number;
  readonly there: number;
}

/** What a core lacks on a device; empty when it fits. */
export const shortages = (estimate: Estimate, device: Device): readonly Shortage[] => {
  const { logic, memory } = FAMILIES[device.family];
  const rows: readonly (readonly [what: string, needed: number, there: number, share: number])[] = [
    [logic, estimate.logic, device.logic, MOST_LOGIC],
    ['registers', estimate.registers, device.registers, MOST_LOGIC],
    ['DSP blocks', estimate.dsps, device.dsps, 1],
    [memory, estimate.memories, device.memories, 1],
  ];
  return rows.filter(([, needed, there, share]) => needed > share * there).map(([what, needed, there]) => ({ what, needed, there }));
};

const fits = (config: CoreConfig, device: Device): boolean => shortages(estimateCore(config, device.family), device).length === 0;

/**
 * Sizes of memories from the default down: a smaller memory costs more loads, never bytes that differ. Fewer entries of weights would save nothing:
 * block RAM has 512 words at least, and Altera's in bytes 1024.
 */
const MEMORIES: readonly Partial<CoreConfig>[] = [
  {},
  { scratchBeats: 16_384, weightEntries: 512, parameterBeats: 1024 },
  { scratchBeats: 8192, weightEntries: 512, parameterBeats: 512, icacheLines: 128, dcacheLines: 128 },
  { scratchBeats: 4096, weightEntries: 512, parameterBeats: 256, icacheLines: 128, dcacheLines: 128 },
];

/** Sizes of the array from the fastest to the smallest. */
const SIZES: readonly ArraySize[] = [
  { groups: 4, inputs: 16 },
  { groups: 2, inputs: 16 },
  { groups: 1, inputs: 16 },
  { groups: 1, inputs: 8 },
  { groups: 1, inputs: 4 },
];

/** Cores from the fastest to the smallest; the last has no array. */
export const configurations = (bits: 8 | 6, device: Device): readonly CoreConfig[] => {
  const { packs8, packs6, vendor } = FAMILIES[device.family];
  const base: CoreConfig = { ...DEFAULT_CONFIG, bits, pack: bits === 8 ? packs8 : packs6, columns: vendor === 'altera' };
  const { weightEntries } = base;
  const arrays = SIZES.flatMap((size) =>
    MEMORIES.map((memories): CoreConfig => ({ ...base, ...size, ...memories, ...(base.columns ? { weightEntries } : {}) })),
  );
  return [...arrays, { ...base, pack: false, array: false, icacheLines: 64, dcacheLines: 64 }];
};

export interface Chosen {
  readonly device: Device;
  readonly config: CoreConfig;
  readonly estimate: Estimate;
}

const noDevice = (name: string): Result<never> =>
  fail(
    diagnostic('FPG0020', `there is no device ${name}`, {
      notes: [`Devices: ${DEVICES.map((d) => `${d.name} (${d.aliases.join(', ')})`).join('; ')}.`],
    }),
  );

/** The device of a name or alias. Error: FPG0020. */
export const findDevice = (name: string): Result<Device> => {
  const device = deviceByName(name);
  return device === undefined ? noDevice(name) : ok(device);
};

const tooSmall = (device: Device, config: CoreConfig, missing: readonly Shortage[]): Result<never> => {
  const smallest = DEVICES.find((d) => configurations(config.bits, d).some((c) => c.array && fits(c, d)));
  const list = missing.map(({ what, needed, there }) => `${needed} ${what} of ${there}`).join(', ');
  return fail(
    diagnostic('FPG0021', `${device.name} is too small for the smallest core with an array of ${config.bits} bits: it needs ${list}`, {
      notes: [
        `By estimate; at most ${100 * MOST_LOGIC} % of the logic of a device is planned for.`,
        smallest === undefined
          ? 'No device of the list is large enough.'
          : `The smallest that fits is ${smallest.name}: --device ${smallest.name}.`,
        'A core without the array fits more devices and is much slower: --mode processor.',
      ],
    }),
  );
};

/**
 * The best core for a device. Errors: FPG0020 no such device, FPG0021 too small.
 * @param array - whether it has to have one; without, the processor does all
 */
export const chooseCore = (
  name: string,
  { bits = 8, array = true }: { readonly bits?: 8 | 6; readonly array?: boolean } = {},
): Result<Chosen> => {
  const found = findDevice(name);
  if (!found.ok) return found;
  const device = found.value;
  const candidates = configurations(bits, device).filter((c) => c.array === array);
  const config = candidates.find((c) => fits(c, device));
  if (config !== undefined) return ok({ device, config, estimate: estimateCore(config, device.family) });
  const last = candidates.at(-1) ?? DEFAULT_CONFIG;
  return tooSmall(device, last, shortages(estimateCore(last, device.family), device));
};
