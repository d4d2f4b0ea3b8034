export { type AsyncExecutable, compileForWebGpu, type WebGpuOptions } from './executable.ts';
export { type LoweredProgram, lowerProgram as lowerForWebGpu } from './lower.ts';
export type { Headers, Kernel, WebGpuPort, WebGpuProgram, WebGpuStep } from './program.ts';
export { refusalOf as webGpuRefusal, supportOf as webGpuSupport } from './rows.ts';
export { selfTest as webGpuSelfTest } from './self-test.ts';
