import { Ex } from '../../cpu/simd/index.ts';
import { type ArrayConfig, DEFAULT_ARRAY, LANES } from '../array/config.ts';
import type { CommandList } from '../array/list.ts';
import type { FpgaMachine } from '../codegen/machine.ts';
import { NO_ARRAY } from '../isa/image.ts';
import { type FpgaRows, processorRows } from '../rows.ts';
import { type ArrayTiming, DEFAULT_TIMING } from '../simulator/array-cycles.ts';
import { arrayRows, prepareForArray } from './index.ts';
import { RESCALE_ROW } from './rescale.ts';

export interface ArrayRowOptions {
  readonly config?: ArrayConfig;
  /** What the tiler believes of times. */
  readonly timing?: ArrayTiming;
  /** Told of every list, in the order of the run. */
  readonly onList?: (list: CommandList) => void;
}

/** Rows of a core with the array: its commands where it does a node, the processor where not. */
export const coreRows =
  ({ config = DEFAULT_ARRAY, timing = DEFAULT_TIMING, onList }: ArrayRowOptions = {}) =>
  (machine: FpgaMachine, trace = false): FpgaRows => {
    const used: CommandList[] = [];
    const { rows: own, places } = arrayRows({
      config,
      timing,
      trace,
      run: (f, list, { before, after }) => {
        used.push(list);
        onList?.(list);
        before(f);
        for (let k = 0; k < list.lists; k++) f.do(new Ex(machine.commandList(() => list.words(k))));
        after(f);
      },
    });
    return {
      ...processorRows(new Map([...own, ['rescale', RESCALE_ROW]])),
      prepare: (plan) => prepareForArray(plan, config),
      places,
      array: () => {
        const most = (of: (list: CommandList) => number): number => used.reduce((n, list) => Math.max(n, of(list)), 0);
        if (used.length === 0) return NO_ARRAY;
        return {
          lanes: LANES,
          inputs: LANES,
          bits: config.bits,
          accumulatorBits: most((list) => list.needs().accumulatorBits),
          scratchBeats: most((list) => list.needs().scratchBeats),
          weightEntries: most((list) => list.needs().weightEntries),
          parameterBeats: most((list) => list.needs().parameterBeats),
        };
      },
    };
  };
