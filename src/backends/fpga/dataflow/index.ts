export { type DataflowOptions, type DataflowProgram, dataflowProgram, dataflowRtl } from './program.ts';
export { type SimulationOptions, type SimulationResult, simulateDataflow, withSimulator } from './simulate.ts';
