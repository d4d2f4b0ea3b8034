/** The command line, and the compositions behind it that examples and benchmarks use too. */
export { runCli } from './app.ts';
export { type Io, processIo, type Sink } from './io.ts';
export { cliReference } from './reference.ts';
