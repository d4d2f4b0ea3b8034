export { checkCase, type CheckOptions, type Finding, type FindingKind, type FuzzCase, type PassList } from './check.ts';
export { randomInputs, randomProgram, type RandomProgramOptions } from './generate.ts';
export { mergePrograms } from './merge.ts';
export { reduceCase } from './reduce.ts';
export { reproFiles, type ReproFile, reproText } from './repro.ts';
export { ALL_PASSES, type FoundCase, fuzzCase, type FuzzOptions, type FuzzStep, fuzzStep } from './run.ts';
