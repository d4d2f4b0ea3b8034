export { type Cells, resourcesOf, type Resources } from './cells.ts';
export { findYosys, runYosys, SYNTHESES, type Synthesized, synthesize, type SynthesisFamily, withFiles } from './yosys.ts';
