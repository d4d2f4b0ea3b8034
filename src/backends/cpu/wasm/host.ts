export { allocateMemory, compileModule, instantiate } from './runtime/engine.ts';
