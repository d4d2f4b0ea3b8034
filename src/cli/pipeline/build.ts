import { type Backend, IMMEDIATE_BACKENDS, type Executable, loadBackend } from '../../backends/index.ts';
import { type PortMetadata, portMetadata } from '../../cvm-bytecode/index.ts';
import { type Port, type Program, StoredTensor } from '../../ir/index.ts';
import { type Compile, type QuantizedPort, type Run, runPasses } from '../../passes/index.ts';
import { at, type Progress, type Result, unwrap } from '../../support/index.ts';

/** Passes that keep every result bit: what a program goes through when it is not quantized. */
const EXACT_PASSES = ['fold', 'canonicalize', 'cse', 'dce'] as const;

/** The program simplified without changing a bit of its results. */
export const simplify = (program: Program, progress?: Progress): Result<Program> =>
  runPasses(program, EXACT_PASSES, progress === undefined ? {} : { progress });

/** Runs programs on the first backend that takes them, the fastest first. Backends agree in every byte, so the choice shows in time only. */
export const fastestCompile = async (): Promise<Compile> => {
  const backends: Backend[] = [];
  for (const { name } of IMMEDIATE_BACKENDS) backends.push(unwrap(await loadBackend(name)));
  return (program, { brief = false } = {}) => {
    const runOf = (executable: Executable): Run => (brief ? executable.look : undefined) ?? ((inputs) => executable.run(inputs));
    const attempts = backends.map((b) => () => b.compile(program));
    for (const attempt of attempts.slice(0, -1)) {
      const executable = attempt();
      if (executable.ok) return runOf(executable.value);
    }
    return runOf(unwrap(at(attempts, attempts.length - 1)()));
  };
};

/** A parameter that is a small part of a buffer keeps all of it in memory. */
const PART = 0.5;

/** Copies parameters out of buffers that they are a small part of, such as a model file, so that the buffer can go. */
export const releaseBuffers = (program: Program): Program => ({
  ...program,
  params: program.params.map((p) => {
    if (p.tensor instanceof StoredTensor) return p;
    const { data } = p.tensor;
    return data.byteLength < PART * data.buffer.byteLength ? { ...p, tensor: { ...p.tensor, data: data.slice() } } : p;
  }),
});

/** Counts the milliseconds that compiled programs take to be made and to run. */
export const stopwatch = (compile: Compile, now: () => number): { readonly compile: Compile; readonly spentMs: () => number } => {
  let spent = 0;
  const timed = <T>(action: () => T): T => {
    const started = now();
    const value = action();
    spent += now() - started;
    return value;
  };
  return {
    compile: (program, options) => {
      const run = timed(() => compile(program, options));
      return (inputs) => timed(() => run(inputs));
    },
    spentMs: () => spent,
  };
};

/** Inputs or outputs of the integer program, with the scales of those that were real in the source model. */
export const quantizedPorts = (
  integer: Program,
  ports: readonly Port[],
  source: Program,
  sourcePorts: readonly Port[],
  scales: readonly QuantizedPort[],
): readonly PortMetadata[] =>
  portMetadata(integer, ports).map((port, i) => {
    const real = at(source.types, at(sourcePorts, i).value).dtype === 'f32';
    const { scale, zero } = at(scales, i);
    return real ? { ...port, scale, zero } : port;
  });
