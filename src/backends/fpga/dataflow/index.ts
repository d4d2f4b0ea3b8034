export { type DataflowProgram, dataflowProgram, dataflowRtl } from './program.ts';
export { type PipelineSimulator, type SimulationOptions, type SimulationResult, withSimulator } from './simulate.ts';
export { dataflowReport, dataflowReportText } from './report.ts';
