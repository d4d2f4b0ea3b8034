import { type Backend, compileAny } from '../../backends/index.ts';
import { decodePackage } from '../../cvm-bytecode/index.ts';
import {
  type AnyNode,
  canonicalize,
  nodeCost,
  OPERATIONS_PER_ENDORPHIN,
  paramDigest,
  type Program,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { sha256Hex } from '../../support/index.ts';
import { DataUnavailable, type InferenceRequest } from '../evm/engine.ts';
import { unpackTensors } from '../evm/packing.ts';
import { seedIndex } from '../evm/signature.ts';
import type { ObjectSource } from '../executor/engine.ts';

/** A node of a program and what it costs. */
export interface Layer {
  readonly index: number;
  /** The name that the program gives it, or of its first value. */
  readonly name: string;
  readonly op: string;
  readonly operations: number;
  /** Thousandths of a percent of the operations of the program: a whole number from 0 to 100,000. */
  readonly share: number;
}

/** Endorphin of some operations, without rounding, as a decimal with up to five digits behind the point. */
export const endorphinText = (operations: number): string => {
  const whole = Math.floor(operations / OPERATIONS_PER_ENDORPHIN);
  const rest = ((operations % OPERATIONS_PER_ENDORPHIN) * (100_000 / OPERATIONS_PER_ENDORPHIN)).toString().padStart(5, '0');
  return `${whole}.${rest}`.replace(/\.?0+$/, '');
};

/** What each node of a program costs, in their order. */
export const layersOf = (program: Program): readonly Layer[] => {
  const nodes = program.nodes as readonly AnyNode[];
  const costs = nodes.map((node) => nodeCost(program, node));
  const total = Math.max(1, costs.reduce((a, b) => a + b, 0)); // biome-ignore format: short
  return nodes.map((node, index) => {
    const operations = costs[index] ?? 0;
    return {
      index,
      name: node.origin ?? `%${node.results[0] ?? 0}`,
      op: node.op,
      operations,
      share: Math.round((100_000 * operations) / total),
    };
  });
};

/** The part of a program that some values need, with those values as its outputs; inputs stay as they are. */
export const prefixOf = (program: Program, values: readonly ValueId[]): Program =>
  canonicalize({ ...program, outputs: values.map((value, i) => ({ name: `o${i}`, value })) });

/** What a backend makes of the inside of a model. */
export class Layers {
  readonly backend: Backend;
  private readonly source: ObjectSource;
  private readonly threads: number;
  private readonly programs = new Map<string, Program>();

  constructor(source: ObjectSource, backend: Backend, threads = 1) {
    this.source = source;
    this.backend = backend;
    this.threads = threads;
  }

  /** The program of a package. @throws {DataUnavailable} */
  async program(hash: Uint8Array): Promise<Program> {
    const key = hash.join();
    const known = this.programs.get(key);
    if (known !== undefined) return known;
    const file = await this.source.package(hash);
    if (file === undefined) throw new DataUnavailable(hash, 'package');
    const decoded = decodePackage(file);
    if (!decoded.ok) throw new DataUnavailable(hash, 'undamaged package');
    // a bisection asks for the same one again and again
    this.programs.clear();
    this.programs.set(key, decoded.value.program);
    return decoded.value.program;
  }

  /**
   * Values of a program on inputs, as this node's backend computes them when they are all that is asked for.
   * @throws {DataUnavailable}
   */
  async values(program: Program, request: InferenceRequest, values: readonly ValueId[]): Promise<readonly Tensor[]> {
    const { meta, input, seed } = request;
    const given = unpackTensors(meta.inputs, input);
    if ('value' in given) throw new DataUnavailable(meta.hash, `input that fits (element ${given.index} is ${given.value}) of package`);
    const inputs: Tensor[] = [...given];
    const place = seedIndex(program);
    if (place !== undefined) inputs.splice(place, 0, { dtype: 'i32', shape: [2], data: Int32Array.from(seed) });
    const compiled = await compileAny(this.backend, prefixOf(program, values), { threads: this.threads });
    if (!compiled.ok)
      throw new DataUnavailable(meta.hash, `${this.backend.name} cannot run (${compiled.diagnostics[0]?.message ?? ''}) package`);
    try {
      return await compiled.value.run(inputs);
    } finally {
      compiled.value.close?.();
    }
  }

  /** Digest of the results of nodes of the model of an inference, a text of hex for each. @throws {DataUnavailable} */
  async digests(request: InferenceRequest, nodes: readonly number[]): Promise<readonly (string | undefined)[]> {
    const program = await this.program(request.meta.hash);
    const wanted = nodes.map((n) => program.nodes[n]?.results ?? []);
    const tensors = [...(await this.values(program, request, wanted.flat()))];
    return wanted.map((results) => {
      const own = tensors.splice(0, results.length);
      return results.length === 0 ? undefined : sha256Hex(own.map((t) => `${paramDigest(t)}\n`).join(''));
    });
  }
}
