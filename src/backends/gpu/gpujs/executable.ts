import { canonicalBytes, checkInputs, DTYPE_INFO, type Program, type Tensor } from '../../../ir/index.ts';
import { diagnostic, type Diagnostic, fail, MrlError, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { AsyncExecutable } from '../../backend.ts';
import { verdictStore } from '../../verdicts.ts';
import type { Mode } from './host/api.ts';
import { findGpuJs, type FoundGpuJs, provideWebGpu } from './host/find.ts';
import { type Engine, GpuJsError, type GpuJsModel, openEngine, openProgram, type SelfTest, testEngine } from './host/runtime.ts';
import { lowerProgram, type LoweredProgram } from './lower.ts';
import { selfTest } from './self-test.ts';

export interface GpuJsOptions {
  /** The mode of gpu.js; the best that gives the right bytes here when absent. */
  readonly mode?: Mode;
  /** The package; looked for when absent. */
  readonly found?: FoundGpuJs;
  /** The test of a mode before its first use; that of extreme values when absent. */
  readonly test?: SelfTest;
}

/** Modes in Node, worst first; browsers have webgl and webgl2 as well, through an emitted folder. */
export const NODE_MODES = ['cpu', 'webasm', 'webgpu'] as const satisfies readonly Mode[];

const diagnosticOf = (error: GpuJsError): Diagnostic => diagnostic(error.code, error.message, { notes: [error.help] });

/** Best first. WebGPU on the processor is slower than WebAssembly, so that it is left for those who name it. */
const candidates = async (mode: Mode | undefined): Promise<readonly Mode[]> => {
  if (mode !== undefined && mode !== 'webgpu') return [mode];
  const gpu = await provideWebGpu();
  if (mode !== undefined) return [mode];
  return gpu === 'hardware' ? ['webgpu', 'webasm', 'cpu'] : ['webasm', 'cpu'];
};

/** Engines that are open, by package and mode. */
const opened = new WeakMap<object, Map<Mode, Promise<Engine>>>();

const engineOf = ({ module }: FoundGpuJs, mode: Mode): Promise<Engine> => {
  const all = opened.get(module.GPU) ?? new Map<Mode, Promise<Engine>>();
  opened.set(module.GPU, all);
  const known = all.get(mode);
  if (known !== undefined) return known;
  const opening = openEngine(module, mode);
  all.set(mode, opening);
  opening.catch(() => all.delete(mode));
  return opening;
};

/** Package, mode and engine, on which the bytes of kernels depend. */
const circumstancesOf = ({ version }: FoundGpuJs, mode: Mode): string =>
  JSON.stringify([version, mode, process.versions.node, process.versions.v8]);

/** Engines that have passed the test in this process. */
const tested = new WeakSet<Engine>();

/** Tests a mode with extreme values, unless it has passed that before: in this process, or by the same code in an earlier one. */
const admit = async (found: FoundGpuJs, engine: Engine, given: SelfTest | undefined): Promise<void> => {
  if (given !== undefined) return testEngine(engine, given);
  if (tested.has(engine)) return;
  const test = selfTest();
  const line = `extremes ${sha256Hex(JSON.stringify(test.program), ...test.outputs)}`;
  // a GPU may be another one tomorrow
  const store = engine.mode === 'webgpu' ? undefined : verdictStore('gpujs', { circumstances: circumstancesOf(found, engine.mode) });
  if (store?.load().has(line) !== true) {
    try {
      await testEngine(engine, test);
    } catch (error) {
      store?.update([], [line]);
      throw error;
    }
    store?.update([line], []);
  }
  tested.add(engine);
};

/** What decides on the bytes of programs here; undefined without gpu.js. */
export const gpuJsCircumstances = async (): Promise<string | undefined> => {
  const found = await findGpuJs();
  const [mode] = await candidates(undefined);
  return found.ok && mode !== undefined ? circumstancesOf(found.value, mode) : undefined;
};

/** A program in a mode, and what other modes were given up for it. */
interface Opened {
  readonly mode: Mode;
  readonly model: GpuJsModel;
}

const gaveUp = (mode: Mode, next: Mode, error: GpuJsError): Diagnostic =>
  diagnostic('GPU0021', `gpu.js in mode ${mode} is given up for ${next}: ${error.message}`, {
    severity: 'warning',
    notes: ['The bytes are the same; it takes longer. Update the driver, or name a mode with --isa.'],
  });

/** Takes the first of `modes` in which the program opens; the last one's error when there is none. */
const openFirst = async (
  found: FoundGpuJs,
  { program, content }: LoweredProgram,
  modes: Mode[],
  warnings: Diagnostic[],
  test?: SelfTest,
): Promise<Opened> => {
  for (;;) {
    const mode = modes.shift() ?? 'cpu';
    try {
      const engine = await engineOf(found, mode);
      await admit(found, engine, mode === 'cpu' ? undefined : test);
      return { mode, model: await openProgram(engine, program, content) };
    } catch (error) {
      const [next] = modes;
      if (!(error instanceof GpuJsError) || next === undefined) throw error;
      warnings.push(gaveUp(mode, next, error));
    }
  }
};

const executableOf = (
  program: Program,
  start: Opened,
  again: (error: GpuJsError, from: Mode) => Promise<Opened | undefined>,
  warnings: readonly Diagnostic[],
  version: string,
): AsyncExecutable => {
  let current = start;
  const runBytes = async (inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]> => {
    for (;;) {
      try {
        return await current.model.run(inputs);
      } catch (error) {
        // kernels are compiled when they first run
        const next = error instanceof GpuJsError && error.code === 'GPU0007' ? await again(error, current.mode) : undefined;
        if (next === undefined) throw error;
        current.model.close();
        current = next;
      }
    }
  };
  return {
    get device() {
      return `gpu.js ${version}, ${current.mode}`;
    },
    get warnings() {
      return warnings;
    },
    run: async (inputs) => {
      const checked = checkInputs(program, inputs);
      if (!checked.ok) throw new MrlError(checked.diagnostics);
      try {
        const results = await runBytes(inputs.map(canonicalBytes));
        return current.model.outputs.map(({ dtype, shape }, i): Tensor => {
          const bytes = results[i] ?? new Uint8Array(0);
          return { dtype, shape, data: DTYPE_INFO[dtype].view(bytes.buffer, 0, bytes.length / DTYPE_INFO[dtype].bytes) };
        });
      } catch (error) {
        throw error instanceof GpuJsError ? new MrlError([diagnosticOf(error)], { cause: error }) : error;
      }
    },
    close: () => current.model.close(),
  };
};

/**
 * Compiles an integer program for gpu.js, in the first mode that gives the right bytes for extreme values. Runs reject with IR0010, GPU0007.
 * Errors: IR0008, BKD0002; GPU0020 without the package, GPU0002 without the mode, GPU0007; BKD0005 where the mode computes wrongly.
 */
export const compileForGpuJs = async (
  program: Program,
  { mode, found: given, test }: GpuJsOptions = {},
): Promise<Result<AsyncExecutable>> => {
  const lowered = lowerProgram(program);
  if (!lowered.ok) return lowered;
  const found = given === undefined ? await findGpuJs() : ok(given);
  if (!found.ok) return found;
  const modes = [...(await candidates(mode))];
  const warnings: Diagnostic[] = [];
  try {
    const first = await openFirst(found.value, lowered.value, modes, warnings, test);
    const again = async (error: GpuJsError, from: Mode): Promise<Opened | undefined> => {
      const [next] = modes;
      if (next === undefined) return undefined;
      warnings.push(gaveUp(from, next, error));
      return openFirst(found.value, lowered.value, modes, warnings, test);
    };
    return ok(executableOf(program, first, again, warnings, found.value.version));
  } catch (error) {
    if (!(error instanceof GpuJsError)) throw error;
    return fail(diagnosticOf(error));
  }
};
