import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  paramTensors,
  placeOf,
  type Port,
  type Program,
  type StaticType,
  UnsupportedError,
} from '../../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { layOut } from '../../cpu/simd/layout.ts';
import { type ExecutionPlan, macsOf, planProgram } from '../../plan/index.ts';
import { Context, type KernelPlan, type Part, type Region } from './context.ts';
import { hasRow, lowerNode } from './lower/index.ts';
import type { Kernel, WebGpuPort, WebGpuProgram, WebGpuStep } from './program.ts';
import { bindings, entryPoint, HEADERS, PRELUDE, workgroupsOf } from './wgsl.ts';

/** WebGPU guarantees storage buffer bindings of 128 MiB (W3C, WebGPU, 3.6.2) and 8 of them in a stage. */
const USUAL_BUFFER_BYTES = 2 ** 27;
const MOST_BUFFERS = 8;
/** Offsets of words are u32, of bytes as well. */
const MOST_ARENA_BYTES = 2 ** 32;

const ALIGNMENT = 64;
const aligned = (n: number, to = ALIGNMENT): number => Math.ceil(n / to) * to;

interface PlannedStep {
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  readonly kernels: readonly KernelPlan[];
}

/** Runs every rule in order; collects all refusals. */
const planSteps = (ctx: Context, { program, fusions }: ExecutionPlan): Result<readonly PlannedStep[]> => {
  const problems: Diagnostic[] = [];
  const steps: PlannedStep[] = [];
  for (const [index, node] of (program.nodes as readonly AnyNode[]).entries()) {
    if (fusions.gone.has(node)) continue;
    const place = placeOf(node, index);
    try {
      const kernels = ctx.steps(steps.length, () => lowerNode(ctx, node));
      steps.push({ place, op: node.op, macs: macsOf(node, (v) => ctx.type(v)), kernels });
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(diagnostic('BKD0002', `${node.op}: ${error.message}`, { where: place }));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(steps);
};

/** A buffer of parameters. */
interface ParameterBuffer {
  readonly bytes: number;
  readonly parts: readonly Part[];
}

/** Parameters one after another, in as many buffers as the usual limit asks for; what is larger than that has one of its own. */
const placeParameters = (parts: readonly Part[]): readonly ParameterBuffer[] => {
  const buffers: { bytes: number; parts: Part[] }[] = [];
  for (const part of parts) {
    const size = aligned(part.region.slot.bytes);
    let last = buffers.at(-1);
    if (last === undefined || last.bytes + size > USUAL_BUFFER_BYTES) buffers.push((last = { bytes: 0, parts: [] }));
    part.region.buffer = buffers.length;
    part.region.slot.place(last.bytes);
    last.bytes += size;
    last.parts.push(part);
  }
  return buffers.map(({ bytes, parts: own }) => ({ bytes: Math.max(bytes, ALIGNMENT), parts: own }));
};

/** The kernel's text, now that addresses are known; undefined when it would need more buffers than a stage can have. */
const kernelOf = ({ reads, writes, vectors = [], invocations, functions, body }: KernelPlan): Kernel | undefined => {
  const words = [...new Set([0, writes.buffer, ...reads.map((r) => r.buffer)])].sort((a, b) => a - b);
  const fours = [...new Set(vectors.map((r) => r.buffer))];
  const buffers = [...words, ...fours];
  if (buffers.length > MOST_BUFFERS) return undefined;
  const code = `${bindings(words, fours)}${PRELUDE}${functions()}${entryPoint(invocations, body())}`;
  return { code, buffers, workgroups: workgroupsOf(invocations) };
};

const portOf = (ctx: Context, { name, value }: Port): WebGpuPort & { readonly region: Region } => {
  const type = ctx.type(value);
  const region = ctx.use(value);
  return {
    name,
    dtype: type.dtype,
    shape: type.shape,
    buffer: region.buffer,
    offset: region.slot.address,
    bytes: elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes,
    region,
  };
};
const withoutRegion = ({ region: _region, ...port }: WebGpuPort & { readonly region: Region }): WebGpuPort => port;

/** A program with its kernels, and what its parameter buffers hold. */
export interface LoweredProgram {
  readonly program: WebGpuProgram;
  /** The content of buffer n + 1: read when it is asked for, since parameters may lie in files. */
  readonly parameters: (n: number) => Uint8Array<ArrayBuffer>;
}

const contentOf = ({ bytes, parts }: ParameterBuffer): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(bytes);
  for (const { region, content } of parts) all.set(content(), region.slot.address);
  return all;
};

/** Gives every region its place. @returns bytes of the arena */
const placeArena = (ctx: Context): number => {
  const uses = [...ctx.uses.values()];
  layOut({
    persistent: [],
    initial: [],
    scratches: [],
    arena: uses.map(({ region, first, last }) => ({ slot: region.slot, first, last })),
  });
  return uses.reduce((n, { region: { slot } }) => Math.max(n, aligned(slot.address + slot.bytes)), ALIGNMENT);
};

/**
 * Kernels, dispatches and the buffer plan of a program for WebGPU. Errors: IR0008; BKD0002 for each node that is refused; BKD0003 for
 * more memory than addresses reach.
 */
export const lowerProgram = (source: Program): Result<LoweredProgram> => {
  const planned = planProgram(source, hasRow);
  if (!planned.ok) return planned;
  const { program, fusions } = planned.value;
  const types = program.types as readonly StaticType[];
  const ctx = new Context(types, paramTensors(program), fusions.into);
  ctx.steps(-1, () => program.inputs.forEach(({ value }) => void ctx.use(value)));
  const steps = planSteps(ctx, planned.value);
  if (!steps.ok) return steps;
  ctx.steps(steps.value.length, () => program.outputs.forEach(({ value }) => void ctx.use(value)));
  const arenaBytes = placeArena(ctx);
  if (arenaBytes > MOST_ARENA_BYTES)
    return fail(
      diagnostic('BKD0003', `intermediate tensors need ${arenaBytes} bytes, but addresses in a buffer reach ${MOST_ARENA_BYTES}`),
    );
  const buffers = placeParameters(ctx.parts);
  const problems: Diagnostic[] = [];
  const finished = steps.value.map(({ kernels, ...step }): WebGpuStep => {
    const texts = kernels.map(kernelOf);
    if (texts.includes(undefined))
      problems.push(diagnostic('BKD0002', `${step.op}: its operands lie in more than ${MOST_BUFFERS} buffers`, { where: step.place }));
    return { ...step, kernels: texts.filter((k) => k !== undefined) };
  });
  if (problems.length > 0) return fail(...problems);
  return ok({
    program: {
      name: source.name,
      headers: HEADERS,
      arenaBytes,
      parameterBytes: buffers.map((b) => b.bytes),
      steps: finished,
      inputs: program.inputs.map((port) => withoutRegion(portOf(ctx, port))),
      outputs: program.outputs.map((port) => withoutRegion(portOf(ctx, port))),
    },
    parameters: (n) => contentOf(at(buffers, n)),
  });
};
