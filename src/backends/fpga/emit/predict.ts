import { type AnyNode, placeOf, type Program, type Tensor } from '../../../ir/index.ts';
import { at, invariant, ok, type Result } from '../../../support/index.ts';
import { macsOf } from '../../plan/index.ts';
import { arrayOf } from '../array/config.ts';
import type { CommandList } from '../array/list.ts';
import { type CoreConfig, DEFAULT_CONFIG } from '../isa/config.ts';
import { coreRows } from '../lower/rows.ts';
import { compileForFpga } from '../lower.ts';
import type { FpgaProgram } from '../program.ts';
import { DEFAULT_TIMING } from '../simulator/array-cycles.ts';
import { runCycles } from './cycles.ts';

/** Cycles of a layer of the array by the model of its lists. */
export interface PredictedLayer {
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  /** Spatial sizes of its kernel; of convs alone. */
  readonly kernel: readonly number[];
  /** Channels that a product sums over. */
  readonly channels: number;
  /** From the end of the layers before it to its own. */
  readonly cycles: number;
}

/** A program for a core with an array, and what is known of its time before anything runs on the Verilog. */
export interface Prediction {
  readonly program: FpgaProgram;
  /** Of a run. */
  readonly cycles: number;
  /** In which the array works. */
  readonly arrayCycles: number;
  readonly layers: readonly PredictedLayer[];
}

/** Compiles and predicts. Errors: those of compileForFpga. */
export const predict = (source: Program, inputs: readonly Tensor[], config: CoreConfig = DEFAULT_CONFIG): Result<Prediction> => {
  const chip = arrayOf(config);
  const lists: CommandList[] = [];
  const known = new Map<AnyNode, Omit<PredictedLayer, 'cycles'>>();
  const program = compileForFpga(source, {
    rows: (machine) => {
      const rows = coreRows({ config: chip, onList: (list) => lists.push(list) })(machine);
      return {
        ...rows,
        lower: (context, node) => {
          const weights = node.op === 'conv' ? context.type(at(node.operands, 1)).shape : [];
          const [, channels = 0, ...kernel] = weights;
          const macs = macsOf(node, (v) => context.type(v));
          known.set(node, { place: placeOf(node, known.size), op: node.op, macs, kernel, channels });
          return rows.lower(context, node);
        },
      };
    },
  });
  if (!program.ok) return program;
  const run = runCycles(program.value, chip, { nodes: [...known.keys()], lists }, inputs);
  invariant(run !== undefined, 'there are inputs');
  const { cycles: all, arrayCycles } = run;
  const layers = lists.flatMap((list) =>
    list.predict(DEFAULT_TIMING).layers.flatMap(({ node, cycles }): readonly PredictedLayer[] => {
      const layer = known.get(node);
      return layer === undefined ? [] : [{ ...layer, cycles }];
    }),
  );
  return ok({ program: program.value, cycles: all, arrayCycles, layers });
};
