import {
  type AnyNode,
  elementCount,
  paramTensors,
  placeOf,
  type Port,
  type Program,
  proveProgram,
  type StaticType,
  UnsupportedError,
} from '../../../ir/index.ts';
import { type Diagnostic, diagnostic, fail, invariant, ok, type Result } from '../../../support/index.ts';
import { type ExecutionPlan, macsOf, planProgram } from '../../plan/index.ts';
import { Context } from './context.ts';
import { hasRow, lowerNode } from './lower/index.ts';
import type { GpuJsPort, GpuJsProgram, GpuJsStep } from './program.ts';

/** Runs every rule in order; collects all refusals. */
const planSteps = (ctx: Context, { program, fusions }: ExecutionPlan): Result<readonly GpuJsStep[]> => {
  const problems: Diagnostic[] = [];
  const steps: GpuJsStep[] = [];
  for (const [index, node] of (program.nodes as readonly AnyNode[]).entries()) {
    if (fusions.gone.has(node)) continue;
    const place = placeOf(node, index);
    try {
      const kernels = ctx.steps(() => lowerNode(ctx, node));
      steps.push({ place, op: node.op, macs: macsOf(node, (v) => ctx.type(v)), kernels });
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(diagnostic('BKD0002', `${node.op}: ${error.message}`, { where: place }));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(steps);
};

const portOf = (ctx: Context, { name, value }: Port): GpuJsPort => {
  const { dtype, shape } = ctx.type(value);
  const { array, wide } = ctx.use(value);
  return { name, dtype, shape, count: elementCount(shape), array, wide };
};

/** Ports, all problems with them told: a program may have floats that no node touches. */
const portsOf = (ctx: Context, ports: readonly Port[]): Result<readonly GpuJsPort[]> => {
  const problems: Diagnostic[] = [];
  const found: GpuJsPort[] = [];
  for (const port of ports) {
    if (ctx.type(port.value).dtype === 'f32') {
      problems.push(diagnostic('BKD0002', `port ${port.name}: float32 is not exact on GPUs`, { where: port.name }));
      continue;
    }
    try {
      found.push(portOf(ctx, port));
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(diagnostic('BKD0002', `port ${port.name}: ${error.message}`, { where: port.name }));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(found);
};

/** A program with its kernels, and what its parameter arrays hold. */
export interface LoweredProgram {
  readonly program: GpuJsProgram;
  /** Floats of the parameter array of this number: made when they are asked for, since parameters may lie in files. */
  readonly content: (array: number) => Float32Array<ArrayBuffer>;
}

/** Kernels of gpu.js for a program. Errors: IR0008; BKD0002 for each node and port that is refused. */
export const lowerProgram = (source: Program): Result<LoweredProgram> => {
  const planned = planProgram(source, hasRow);
  if (!planned.ok) return planned;
  const { program, fusions } = planned.value;
  // without a proof int32 may wrap: then all of it is kept in two parts, and wraps
  const proof = proveProgram(program);
  const types = program.types as readonly StaticType[];
  const ctx = new Context(types, paramTensors(program), fusions.into, proof.ok ? proof.value : undefined);
  const inputs = portsOf(ctx, program.inputs);
  const steps = planSteps(ctx, planned.value);
  const outputs = steps.ok ? portsOf(ctx, program.outputs) : ok([]);
  const problems = [inputs, steps, outputs].flatMap((r) => (r.ok ? [] : r.diagnostics));
  if (!inputs.ok || !steps.ok || !outputs.ok) return fail(...problems);
  return ok({
    program: {
      name: source.name,
      arrays: ctx.arrays,
      parameters: [...ctx.contents.keys()],
      steps: steps.value,
      inputs: inputs.value,
      outputs: outputs.value,
    },
    content: (array) => {
      const make = ctx.contents.get(array);
      invariant(make !== undefined, `array ${array} is a parameter`);
      return make();
    },
  });
};
