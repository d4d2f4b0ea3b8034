export { coreAsGates } from './netlist.ts';
export { filesFor } from './reach.ts';
export { findYosys, runYosys, SYNTHESES, type Synthesized, synthesize, type SynthesisFamily, synthesisOf, withFiles } from './yosys.ts';
