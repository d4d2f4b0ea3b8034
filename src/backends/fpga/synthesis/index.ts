export { type Cells, resourcesOf, type Resources } from './cells.ts';
export { cellModels, coreAsGates, netlistOf } from './netlist.ts';
export { filesFor } from './reach.ts';
export { findYosys, runYosys, SYNTHESES, type Synthesized, synthesize, type SynthesisFamily, synthesisOf, withFiles } from './yosys.ts';
