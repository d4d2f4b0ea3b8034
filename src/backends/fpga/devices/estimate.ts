import type { CoreConfig } from '../isa/config.ts';
import { FAMILIES, type FamilyName } from './table.ts';
import { MEASURED } from './measured.ts';

/** What a core takes of a device, in its units. By synthesis with yosys, of the nearest configuration: never by the maker's tool. */
export interface Estimate {
  /** LUTs, or ALMs. */
  readonly logic: number;
  readonly registers: number;
  readonly dsps: number;
  readonly memories: number;
  /** Where the figures come from. */
  readonly source: string;
}

const BEAT_BITS = 128;
const ENTRY_BITS = 16 * BEAT_BITS;
const LINE_BITS = 4 * BEAT_BITS;

/** Blocks for a memory by its shape: the widest shape of a block is 72 or 40 bits. @param width - bits of a word */
const blocksOf = (words: number, width: number, family: FamilyName): number => {
  const { memoryBits } = FAMILIES[family];
  const widest = FAMILIES[family].vendor === 'amd' ? 72 : 40;
  const depth = memoryBits / widest;
  return Math.ceil(width / widest) * Math.max(1, Math.ceil(words / depth / 1.0001));
};

/** Values of an entry, and bits of a block's word that holds one. */
const COLUMNS = 256;
const COLUMN_BITS = 10;

/** A memory of each value takes a block at least, however few entries there are. */
const weightBlocks = ({ columns, weightEntries }: CoreConfig, family: FamilyName): number =>
  columns ? COLUMNS * Math.ceil((weightEntries * COLUMN_BITS) / FAMILIES[family].memoryBits) : blocksOf(weightEntries, ENTRY_BITS, family);

/** Memory blocks of caches and array by their sizes. */
export const memoryBlocks = (config: CoreConfig, family: FamilyName): number => {
  const caches =
    blocksOf(config.icacheLines * (LINE_BITS / BEAT_BITS), BEAT_BITS, family) +
    blocksOf(config.dcacheLines * (LINE_BITS / BEAT_BITS), BEAT_BITS, family);
  if (!config.array) return caches;
  const banks = 2 * config.groups;
  return (
    caches +
    config.groups * blocksOf(config.scratchBeats, BEAT_BITS, family) +
    weightBlocks(config, family) +
    banks * blocksOf(config.parameterBeats / banks, BEAT_BITS, family)
  );
};

/** The estimate for a configuration: logic and DSPs as measured, memory blocks by size. */
export const estimateCore = (config: CoreConfig, family: FamilyName): Estimate => {
  const row = MEASURED[family];
  const processor = row.processor;
  const kind = config.bits === 8 ? (config.pack ? 'packed8' : 'plain8') : config.pack ? 'packed6' : 'plain6';
  const [array, products, group] = [row.array[kind], row.products[kind], row.group];
  const [more, share] = [config.groups - 1, config.inputs / 16];
  /** The measured array has one group with 16 inputs. */
  const of = (key: keyof typeof array): number =>
    processor[key] + (config.array ? Math.ceil(array[key] + more * group[key] + (config.groups * share - 1) * products[key]) : 0);
  return {
    logic: of('logic'),
    registers: of('registers'),
    dsps: of('dsps'),
    memories: memoryBlocks(config, family),
    source: row.source,
  };
};
