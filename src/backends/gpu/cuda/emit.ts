import { canonicalPieces, formatType, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import type { SourceFile } from '../../source-folder.ts';
import { type TestVector, vectorFiles } from '../../vector-files.ts';
import type { Platform } from '../driver/functions.ts';
import type { KernelOptions } from './lower/index.ts';
import { BUILDS, makefile } from './makefile.ts';
import type { GpuPort, GpuProgram, Unit } from './program.ts';
import { cudaSource, type CudaSourceOptions } from './source.ts';
import { runnerFiles, shimFiles, unitHeaders } from './sources.ts';
import { tablesText } from './tables.ts';

/** One buffer has to hold the parameter file: emitted folders are handed over as files in memory. */
const MOST_PARAMETER_BYTES = 2 ** 31;

/** Words of the README that differ. */
const WORDS = {
  cuda: {
    language: 'CUDA C++',
    needs: "nvcc of CUDA 12 or 13 and, to run, NVIDIA's driver",
    built: 'Kernels\nare built for the GPU of this machine, or for ARCHS="75 80 90a". The oldest GPUs are of compute capability 7.5.',
    compiler: 'nvcc',
    graph: 'CUDA',
  },
  hip: {
    language: 'HIP C++',
    needs: 'hipcc of ROCm 5.2 or newer and, to run, its libamdhip64.so',
    built: 'Kernels\nare built for the GPU of this machine, or for ARCHS="gfx906 gfx90a gfx1030".',
    compiler: 'hipcc',
    graph: 'HIP',
  },
} as const satisfies Record<Platform, Readonly<Record<string, string>>>;

const readme = (platform: Platform, program: GpuProgram, vectors: number): string => {
  const { language, needs, built, compiler, graph } = WORDS[platform];
  const ports = (list: readonly GpuPort[]): string => list.map((p) => `| ${p.name} | ${formatType(p)} |\n`).join('');
  const starts = program.steps.reduce((n, s) => n + s.launches.length, 0);
  return `# ${program.name}: an integer program in ${language}

The program gives the same bytes on every machine. \`make check\` builds it and compares ${vectors} runs with the bytes that the
reference interpreter gives.

    make check                                # on this machine's GPU
    make bench                                # times: device, and with copies of inputs and outputs
    ./run input.npy -o out                    # .npy in, .npy out; ./run --help says more
    ./run --profile                           # time of each step
    make shim                                 # the same kernels on the CPU, checked as strictly as it can be: no GPU is needed

Needs make, a C and C++ compiler, ${needs}; nothing else is fetched or linked. ${built}
\`make shim\` needs no ${compiler}. It is slow: for networks of some 10^9 multiply-accumulates it takes minutes.

| input | type |
|---|---|
${ports(program.inputs)}
| output | type |
|---|---|
${ports(program.outputs)}
| file | what it is |
|---|---|
| program*${BUILDS[platform].source} | kernels: ${starts} starts in a run (generated) |
| tables.c | starts, memory plan, inputs and outputs (generated) |
| parameters.bin | weights and constants (${program.fileBytes} bytes) |
| runtime/ | templates of kernels, runner, shim; the same for all programs |
| vectors/ | inputs and expected outputs as .npy |

A run is a ${graph} graph of ${program.steps.length} steps in an arena of ${program.arenaBytes} bytes. Floats are rounded after each operation and denormal numbers
are kept: the flags in the Makefile say so to ${compiler}, and without them the bytes differ.
`;
};

/** The parameter file in one piece. */
export const parameterFile = (program: GpuProgram): Uint8Array => {
  const file = new Uint8Array(program.fileBytes);
  for (const { offset, content } of program.file) {
    if (content instanceof Uint8Array) file.set(content, offset);
    else {
      let at = offset;
      for (const piece of canonicalPieces(content)) {
        file.set(piece, at);
        at += piece.length;
      }
    }
  }
  return file;
};

/** A folder is for the GPUs of one maker. */
export interface EmitOptions extends CudaSourceOptions {
  readonly platform?: Platform;
}

/**
 * A folder that builds and tests itself with make and nvcc or hipcc. Errors: IR0008, BKD0002, BKD0003; GPU0010 for parameters that one file in
 * memory cannot hold.
 */
export const emitFolder = (
  source: Program,
  vectors: readonly TestVector[],
  { platform = 'cuda', ...options }: EmitOptions = {},
): Result<readonly EmittedFile[]> => {
  const written = cudaSource(source, { kernels: ENGINES[platform], ...options });
  if (!written.ok) return written;
  const program = written.value;
  if (program.fileBytes > MOST_PARAMETER_BYTES)
    return fail(
      diagnostic(
        'GPU0010',
        `the program has ${program.fileBytes} bytes of parameters, and an emitted folder takes ${MOST_PARAMETER_BYTES}`,
        {
          notes: [`Run it with \`cortexc run --backend ${platform}\`, which reads parameters of any size.`],
        },
      ),
    );
  const units = program.units.map(({ name, text }): Unit => ({ name: name.replace(/[.]cu$/, BUILDS[platform].source), text }));
  const runtime: readonly SourceFile[] = [...unitHeaders(), ...runnerFiles(), ...shimFiles()];
  return ok([
    { name: 'README.md', content: readme(platform, program, vectors.length) },
    { name: 'Makefile', content: makefile(platform, units, runnerFiles(), shimFiles()) },
    ...units.map(({ name, text }): EmittedFile => ({ name, content: text })),
    { name: 'tables.c', content: tablesText(program) },
    ...(program.fileBytes === 0 ? [] : [{ name: 'parameters.bin', content: parameterFile(program) }]),
    ...runtime.map(({ name, text }): EmittedFile => ({ name: `runtime/${name}`, content: text })),
    ...vectorFiles(vectors),
  ]);
};

/** The kernels of a folder, which has to run on every device of the platform. */
const ENGINES: Readonly<Record<Platform, KernelOptions>> = { cuda: { engine: 'mma', hopper: true }, hip: { engine: 'dp4a' } };

type Emit = (source: Program, vectors: readonly (readonly Tensor[])[]) => Result<readonly EmittedFile[]>;

const emitFor =
  (platform: Platform): Emit =>
  (source, vectors) =>
    emitFolder(
      source,
      vectors.map((inputs) => ({ inputs, outputs: runProgram(source, inputs) })),
      { platform },
    );

/** The same with what the reference interpreter gives for inputs. */
export const emitProgram = emitFor('cuda');
export const emitHip = emitFor('hip');
