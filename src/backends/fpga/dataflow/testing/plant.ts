import { at, invariant, unwrap } from '../../../../support/index.ts';
import { dataflowProgram, dataflowRtl } from '../index.ts';
import { checkPipeline } from './compare.ts';
import type { DataflowMutation } from '../../../../../conformance/fpga-mutations/dataflow-bugs.ts';
import { NETWORKS } from './networks.ts';

/** The file with the bug; undefined when `find` does not stand there exactly once. */
export const plantedText = ({ file, find, replace }: DataflowMutation): string | undefined => {
  const parts = dataflowRtl()
    .find((f) => f.name === file)
    ?.text.split(find);
  return parts?.length === 2 ? `${at(parts, 0)}${replace}${at(parts, 1)}` : undefined;
};

const FRAMES = 3;

/** How a planted bug shows on iverilog: the stream that differs, or how the simulation ends; undefined when it does not. */
export const caughtBy = (mutation: DataflowMutation): string | undefined => {
  const text = plantedText(mutation);
  invariant(text !== undefined, `"${mutation.name}" no longer applies to ${mutation.file}`);
  const d = unwrap(dataflowProgram(NETWORKS[mutation.network](), { targetCycles: mutation.target }));
  const checked = checkPipeline(d, FRAMES, { simulator: 'iverilog', replaced: [{ name: mutation.file, text }] });
  return checked.ok ? checked.value : at(checked.diagnostics, 0).message;
};
