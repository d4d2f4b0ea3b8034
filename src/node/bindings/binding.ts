import { type DType, elementCount, type StaticType } from '../../ir/index.ts';
import { packedBytes } from '../evm/packing.ts';
import { camelCase, pascalCase, unique } from './names.ts';

/** An input or output as a package or a chain tells of it. */
export interface PortFacts extends StaticType {
  readonly name: string;
  /** real = scale * (integer - zero), where the metadata has it. */
  readonly scale?: number;
  readonly zero?: number;
}

/** What bindings of a model are made from. */
export interface ModelFacts {
  readonly name: string;
  /** SHA-256 of the root of the package, in hex. */
  readonly hash: string;
  /** Gas of a run by itself: Endorphin and the author's fee. */
  readonly gas: bigint;
  /** Without the seed of random ops. */
  readonly inputs: readonly PortFacts[];
  readonly outputs: readonly PortFacts[];
  readonly seeded: boolean;
  readonly labels: readonly string[];
  /** Address of the model, where it is known. */
  readonly address?: string;
}

/** A port with its name in generated code and its place among the packed bytes. */
export interface BoundPort extends PortFacts {
  readonly identifier: string;
  readonly count: number;
  readonly elementBytes: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface Binding {
  /** Name of the library, the class of names of everything else. */
  readonly name: string;
  readonly facts: ModelFacts;
  readonly inputs: readonly BoundPort[];
  readonly outputs: readonly BoundPort[];
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** The one output is scores of classes: a row for the one sample. */
  readonly isClassifier: boolean;
}

const placed = (ports: readonly PortFacts[], fallback: string): readonly BoundPort[] => {
  const names = unique(ports.map((p, i) => camelCase(p.name, ports.length === 1 ? fallback : `${fallback}${i}`)));
  let offset = 0;
  return ports.map((p, i) => {
    const elementBytes = packedBytes([{ dtype: p.dtype, shape: [1] }]);
    const count = elementCount(p.shape);
    const port = { ...p, identifier: names[i] ?? fallback, count, elementBytes, offset, bytes: count * elementBytes };
    offset += port.bytes;
    return port;
  });
};

const totalOf = (ports: readonly BoundPort[]): number => ports.reduce((n, p) => n + p.bytes, 0);
const RANKED: ReadonlySet<DType> = new Set(['i8', 'i16', 'i32', 'i6', 'u8']);

/** Names and places for everything that bindings of a model need. @param name - of the library; that of the model when left out */
export const bindingOf = (facts: ModelFacts, name?: string): Binding => {
  const inputs = placed(facts.inputs, 'data');
  const outputs = placed(facts.outputs, 'result');
  const [first] = outputs;
  const row = first !== undefined && first.count > 1 && first.count === first.shape[first.shape.length - 1];
  return {
    name: pascalCase(name ?? facts.name, 'Model'),
    facts,
    inputs,
    outputs,
    inputBytes: totalOf(inputs),
    outputBytes: totalOf(outputs),
    isClassifier: row && outputs.length === 1 && RANKED.has(first.dtype),
  };
};
