import type { Backend } from '../backend.ts';
import { emitForFpga } from './emit/emit.ts';
import { processorRows } from './rows.ts';
import { compileForSimulation } from './sim/compile.ts';
import { examineSimulators } from './sim/examine.ts';

export {
  type PlantedBug,
  type Proof,
  proveModule,
  PROVEN_MODULES,
  type ProvenModule,
  proveRequant,
  REQUANT_SHIFTS,
} from './formal/index.ts';
export { type CoreConfig, DEFAULT_CONFIG, productsOf } from './isa/config.ts';
export { compileForFpga, imageOf } from './lower.ts';
export type { FpgaProgram } from './program.ts';
export { rtlFiles } from './rtl-files.ts';
export { buildSimulator } from './sim/build.ts';
export { ASSUMED_CLOCK_MHZ, compileForSimulation, type FpgaSimOptions, openSimulation, rowsFor } from './sim/compile.ts';
export { runOnIverilog } from './sim/iverilog.ts';
export { type PredictedLayer, predict, type Prediction } from './emit/predict.ts';
export type { Counters, Traffic } from './sim/rtl-core.ts';
export { RtlProgram } from './sim/rtl-program.ts';
export { findTool, runTool } from './sim/toolchain.ts';
export { compileTraced, referenceValues, traceOnSimulator, traceOnVerilog, type TraceReport, type Values } from './sim/trace.ts';

const ROWS = processorRows();

/** The FPGA core in simulation: its Verilog, translated by verilator, with a model of the memory. */
export const fpgaSimBackend: Backend = {
  name: 'fpga-sim',
  summary: 'the Verilog of the FPGA core in simulation (verilator)',
  onRequest: true,
  capabilities: ['INT', 'HP16'],
  refusal: ROWS.refusal,
  support: ROWS.support,
  compile: compileForSimulation,
  emit: emitForFpga,
  examine: () => examineSimulators(),
};
