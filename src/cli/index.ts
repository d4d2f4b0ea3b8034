/** The command line, and the compositions behind it that examples and benchmarks use too. */
export { runCli } from './app.ts';
export { type Io, processIo, type Sink } from './io.ts';
export { type Accuracy, measureAccuracy } from './pipeline/accuracy.ts';
export { fastestCompile, quantizedPorts, simplify } from './pipeline/build.ts';
export { randomSamples } from './pipeline/calibration.ts';
export { argmax, realValue, tensorDigest } from './pipeline/execute.ts';
export { splitSamples } from './pipeline/samples.ts';
export { cliReference } from './reference.ts';
export { formatBytes, formatCount, formatDuration, formatPercent } from './text.ts';
