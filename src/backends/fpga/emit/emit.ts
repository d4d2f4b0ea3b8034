import { type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { ok, type Result } from '../../../support/index.ts';
import type { EmitOptions, EmittedFile } from '../../backend.ts';
import { arrayOf } from '../array/config.ts';
import { chooseCore, findDevice } from '../devices/index.ts';
import type { CommandList } from '../array/list.ts';
import { coreRows } from '../lower/rows.ts';
import { compileForFpga } from '../lower.ts';
import { type FpgaRows, processorRows } from '../rows.ts';
import { emitDataflow } from './dataflow.ts';
import { runCycles } from './cycles.ts';
import { folderFiles } from './folder.ts';
import { type LoweredNode, wideWeights } from './narrow.ts';

const DEFAULT_DEVICE = 'zu3eg';

/** Rows that keep the nodes that they lower: one a step, in order. */
const observed = (rows: FpgaRows, lowered: LoweredNode[]): FpgaRows => ({
  ...rows,
  lower: (context, node) => {
    const second = node.operands[1];
    lowered.push({ node, weights: second === undefined ? undefined : context.paramData(second) });
    return rows.lower(context, node);
  },
});

/**
 * A folder with the core for a device and a program for it, or with a pipeline of its own, test vectors included. Errors: BKD0002 for what the core refuses, FPG0002,
 * FPG0020 no such device, FPG0021 the device is too small; FPG0040 to FPG0042 of pipelines. Warning: FPG0022.
 */
export const emitForFpga = (
  source: Program,
  vectors: readonly (readonly Tensor[])[],
  { device = DEFAULT_DEVICE, bits = 8, mode = 'overlay', warn }: EmitOptions = {},
): Result<readonly EmittedFile[]> => {
  if (mode === 'dataflow') {
    const on = findDevice(device);
    return on.ok ? emitDataflow(source, vectors, on.value) : on;
  }
  const chosen = chooseCore(device, { bits, array: mode !== 'processor' });
  if (!chosen.ok) return chosen;
  const config = arrayOf(chosen.value.config);
  const lowered: LoweredNode[] = [];
  const lists: CommandList[] = [];
  const rows = chosen.value.config.array ? coreRows({ config, onList: (list) => lists.push(list) }) : () => processorRows();
  const program = compileForFpga(source, { rows: (machine) => observed(rows(machine), lowered) });
  if (!program.ok) return program;
  const wide = bits === 6 && chosen.value.config.array ? wideWeights(lowered, lists) : undefined;
  if (wide !== undefined) warn?.(wide);
  // as many as the sums of the program need
  const { accumulatorBits } = program.value.header.array;
  const fitted = accumulatorBits === 0 ? chosen.value.config : { ...chosen.value.config, accumulatorBits };
  const run = runCycles(program.value, config, { nodes: lowered.map(({ node }) => node), lists }, vectors[0]);
  return ok(
    folderFiles({
      program: program.value,
      chosen: { ...chosen.value, config: fitted },
      vectors: vectors.map((inputs) => ({ inputs, outputs: runProgram(source, inputs) })),
      ...(run === undefined ? {} : { run }),
    }),
  );
};
