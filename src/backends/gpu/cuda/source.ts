import { DTYPE_INFO, elementCount, type Port, type Program, type StaticType, type ValueId } from '../../../ir/index.ts';
import { at, invariant, ok, type Result, sha256Hex } from '../../../support/index.ts';
import { planProgram } from '../../plan/index.ts';
import { type KernelLaunch, type Lowered, lowerProgram, PAGE_BYTES } from '../../cpu/simd/index.ts';
import { functionName } from '../../cpu/native/c-module-names.ts';
import { Kernels, type Start } from './kernels-text.ts';
import type { KernelOptions } from './lower/index.ts';
import { CudaModule } from './module.ts';
import type { FilePart, GpuPort, GpuProgram, GpuStep, Launch, Upload } from './program.ts';
import { cudaRows, type GpuRows } from './rows.ts';

export interface CudaSourceOptions {
  /** How layers are made into kernels: `engine: 'wgmma'` for GPUs of capability 9.0, of which others have none. */
  readonly kernels?: KernelOptions;
  /** For tests of single rows. */
  readonly rows?: GpuRows;
  /** Most units that the text is divided into, for compilers side by side. */
  readonly mostUnits?: number;
  /** Bytes that stay free behind every place in memory, for race checks (ThreadOptions of cpu/simd). */
  readonly gap?: number;
}

/** Threads that a step may have: several for each of the lanes of the largest processors. */
const MOST_THREADS = 2 ** 16;
/** Steps with less work than this, in elements, are not worth a thread more. */
const LEAST_WORK = 2;
/** Elements that a thread does at least. */
const ELEMENTS_PER_THREAD = 8;
/** Bytes of scratch of a step, all threads together: beyond, it has fewer threads. */
const MOST_SCRATCH = 2 ** 26;
const BLOCK = 128;
const MOST_UNITS = 16;
/** Parts of the parameter file start at multiples of this: what allocations are aligned to. */
const ALIGNMENT = 256;

const bytesOf = ({ dtype, shape }: StaticType): number => elementCount(shape) * DTYPE_INFO[dtype].bytes;

/** Threads of a step whose work is divided: enough for the work, whole blocks, and no more than there is scratch for. */
const widthOf = ({ threads, work, scratch }: { readonly threads: number; readonly work: number; readonly scratch: boolean }): number => {
  const wanted = Math.min(threads, Math.max(Math.ceil(work / ELEMENTS_PER_THREAD), 1));
  if (wanted <= BLOCK) return wanted;
  return BLOCK * (scratch ? Math.min(Math.ceil(wanted / BLOCK), Math.floor(threads / BLOCK)) : Math.ceil(wanted / BLOCK));
};

interface Written {
  readonly init: readonly (readonly Start[])[];
  readonly steps: readonly (readonly Start[])[];
}

/** The body of a function that does nothing, as the module prints it: another view of the same bytes, say. */
const NOTHING = /\{\s*uint8_t \*const m = e->m;\s*\(void\)m;\s*\}\s*$/;

/** Writes functions and kernels of all steps. */
const writeKernels = ({ context, steps }: Lowered, module: CudaModule, kernels: Kernels): Written => {
  const templates = (name: string, launches: readonly KernelLaunch[]): readonly Start[] =>
    launches.map((launch, k) => kernels.template(launches.length === 1 ? name : `${name}_${k}`, launch));
  const lifted = (name: string, emit: (typeof steps)[number]['emit'], threads: number): readonly Start[] => {
    const step = functionName(context.asm.define(`step_${name}`, ['i32', 'i32'], undefined, emit));
    const printed = module.printed.findLast((f) => f.name === step);
    return printed !== undefined && NOTHING.test(printed.text) ? [] : [kernels.lifted(name, step, threads, BLOCK)];
  };
  return {
    init: context.init.map(({ emit, launches }, i) =>
      launches === undefined ? lifted(`init${i}`, emit, 1) : templates(`init${i}`, launches),
    ),
    steps: steps.map(({ apart }, i) => {
      if (apart.launches !== undefined) return templates(`run${i}`, apart.launches);
      const before = apart.before === undefined ? [] : lifted(`run${i}_before`, apart.before, 1);
      return [...before, ...lifted(`run${i}`, apart.main, apart.parallel ? widthOf(apart) : 1)];
    }),
  };
};

interface File {
  readonly parts: readonly FilePart[];
  readonly uploads: readonly Upload[];
  readonly fileBytes: number;
  readonly residentBytes: number;
}

/** Lays out the parameter file: what kernels read where it lies, then what is copied into the arena. */
const fileOf = ({ context, params }: Lowered): File => {
  const parts: FilePart[] = [];
  const uploads: Upload[] = [];
  const known = new Map<ValueId, FilePart>();
  let end = 0;
  const add = (content: FilePart['content'], bytes: number): FilePart => {
    const part = { offset: Math.ceil(end / ALIGNMENT) * ALIGNMENT, bytes, content };
    end = part.offset + bytes;
    parts.push(part);
    return part;
  };
  const stored = (value: ValueId): FilePart => {
    const old = known.get(value);
    if (old !== undefined) return old;
    const tensor = context.paramData(value);
    invariant(tensor !== undefined, 'what is copied into the arena is a parameter');
    const part = add(tensor, bytesOf(context.type(value)));
    known.set(value, part);
    return part;
  };
  for (const value of context.external) stored(value);
  const residentBytes = end;
  for (const { address, data } of context.persistent) {
    // a table of zeros is there already: the arena is cleared
    if (data === undefined || !data.some((byte) => byte !== 0)) continue;
    uploads.push({ offset: add(data, data.length).offset, bytes: data.length, address, before: 0 });
  }
  const copy = (slots: ReadonlyMap<ValueId, { readonly address: number }>, before: number): void => {
    for (const [value, { address }] of slots) {
      if (context.paramData(value) === undefined) continue;
      const { offset, bytes } = stored(value);
      if (bytes > 0) uploads.push({ offset, bytes, address, before });
    }
  };
  copy(params.run, 0);
  copy(params.initial, 0);
  params.staged.forEach((slots, step) => copy(slots, step));
  return { parts, uploads, fileBytes: end, residentBytes };
};

const portsOf = ({ context, source }: Lowered): Pick<GpuProgram, 'inputs' | 'outputs'> => {
  const port = ({ name, value }: Port): GpuPort => {
    const type = context.type(value);
    return { name, dtype: type.dtype, shape: type.shape, address: context.slot(value).address, bytes: bytesOf(type) };
  };
  return {
    inputs: context.program.inputs.map(port),
    outputs: context.program.outputs.map((output, i): GpuPort => {
      // an input that is an output passes through untouched, as in the reference
      const passes = source.inputs.findIndex((input) => input.value === at(source.outputs, i).value);
      return { ...port(output), ...(passes < 0 ? {} : { passes }) };
    }),
  };
};

/** Lowers a program and writes it as CUDA C++. Errors: IR0008, BKD0002, BKD0003. */
export const cudaSource = (source: Program, options: CudaSourceOptions = {}): Result<GpuProgram> => {
  const { rows = cudaRows(options.kernels), mostUnits = MOST_UNITS, gap = 0 } = options;
  const plan = planProgram(source, rows.has);
  if (!plan.ok) return plan;
  const module = new CudaModule();
  const prepared = rows.prepare?.(plan.value) ?? plan.value;
  const lowered = lowerProgram(prepared, module, rows, MOST_THREADS, { leastWork: LEAST_WORK, mostScratch: MOST_SCRATCH, gap });
  if (!lowered.ok) return lowered;
  const kernels = new Kernels();
  const written = writeKernels(lowered.value, module, kernels);
  const { units, unitOf } = kernels.units(module.printed, mostUnits);
  const place = ({ hopper, ...start }: Start): Launch => ({
    ...start,
    unit: unitOf.get(start.kernel) ?? 0,
    ...(hopper === undefined ? {} : { hopper: place(hopper) }),
  });
  const placed = (starts: readonly Start[]): readonly Launch[] => starts.map(place);
  const { parts, uploads, fileBytes, residentBytes } = fileOf(lowered.value);
  const program = {
    name: source.name,
    units,
    init: written.init.map(placed),
    steps: lowered.value.steps.map(
      ({ place, node, macs }, i): GpuStep => ({ place, op: node.op, macs, launches: placed(at(written.steps, i)) }),
    ),
    uploads,
    fileBytes,
    residentBytes,
    arenaBytes: lowered.value.pages * PAGE_BYTES,
    ...portsOf(lowered.value),
  };
  return ok({ ...program, file: parts, identity: sha256Hex(JSON.stringify(program)) });
};
