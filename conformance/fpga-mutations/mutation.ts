import type { Bug } from '../mutations/plant.ts';
import type { BenchName } from './benches.ts';

/**
 * A bug planted in the Verilog of the FPGA backend; `file` is relative to src/backends/fpga. For benches on verilator `find` and `replace`
 * are expressions, both signed or both unsigned, since both stand in one choice.
 */
export interface Mutation extends Bug {
  /** What comes right before `find`, where `find` alone does not stand exactly once. */
  readonly after?: string;
  /** The smallest bench that has to show it. */
  readonly bench: BenchName;
}
