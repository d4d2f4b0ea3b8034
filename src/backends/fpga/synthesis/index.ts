export { type Cells, resourcesOf, type Resources } from './cells.ts';
export { cellModels, coreAsGates, netlistOf } from './netlist.ts';
export { findYosys, runYosys, SYNTHESES, type Synthesized, synthesize, type SynthesisFamily, withFiles } from './yosys.ts';
