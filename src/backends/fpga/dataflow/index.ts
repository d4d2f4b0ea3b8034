export { type DataflowOptions, type DataflowProgram, dataflowProgram, dataflowRtl } from './program.ts';
export { type PipelineSimulator, type SimulationOptions, type SimulationResult, simulateDataflow, withSimulator } from './simulate.ts';
export { type DataflowReport, dataflowReport, dataflowReportText, type StageReport } from './report.ts';
