import {
  type AnyAttrs,
  type AnyNode,
  attrNames,
  type AttrScalar,
  type AttrSpec,
  DTYPE_INFO,
  opOf,
  sameType,
  type Tensor,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Finding, FuzzCase } from './check.ts';
import { type Edit, rebuild, sizeOf } from './rebuild.ts';

/** Most times that a candidate is checked: a reduction ends within seconds, also when it could go on. */
const MOST_CHECKS = 600;

const smaller = (a: FuzzCase, b: FuzzCase): boolean => {
  const [x, y] = [sizeOf(a), sizeOf(b)];
  const i = x.findIndex((v, k) => v !== y[k]);
  return i >= 0 && at(x, i) < at(y, i);
};

const nodesOf = (c: FuzzCase): readonly AnyNode[] => c.program.nodes as readonly AnyNode[];

function* outputEdits(c: FuzzCase): Generator<Edit> {
  const { length } = c.program.outputs;
  if (length < 2) return;
  for (let i = 0; i < length; i++) yield { outputs: [i] };
  for (let i = 0; i < length; i++) yield { outputs: c.program.outputs.flatMap((_, k) => (k === i ? [] : [k])) };
}

/** What a node computes comes from outside, or is an operand of it. */
function* nodeEdits(c: FuzzCase): Generator<Edit> {
  const nodes = nodesOf(c);
  for (let half = nodes.length; half >= 1; half = Math.floor(half / 2)) yield { cut: new Set(nodes.slice(0, half)) };
  for (const node of [...nodes].reverse()) {
    yield { cut: new Set([node]) };
    const [result] = node.results;
    if (result === undefined || node.results.length > 1) continue;
    const alike = node.operands.filter((v) => sameType(at(c.program.types, v), at(c.program.types, result)));
    for (const v of alike) yield { replace: new Map([[result, v]]) };
  }
}

function* simplerValues(spec: AttrSpec, value: AttrScalar): Generator<AttrScalar> {
  if (spec.default !== undefined) yield spec.default;
  if (spec.kind === 'bool') yield false;
  if (spec.kind === 'enum') yield at(spec.values, 0);
  if (spec.kind === 'int' || spec.kind === 'f32') {
    const n = Number(value);
    for (const v of [0, 1, Math.trunc(n / 2), n - Math.sign(n)]) yield v;
  }
  if (spec.kind === 'ints' && typeof value === 'object') {
    for (const to of [0, 1]) yield value.map(() => to);
    for (let i = 0; i < value.length; i++) {
      for (const to of [0, 1, at(value, i) - 1]) yield value.with(i, to);
    }
    if (value.length > 0) yield value.slice(1);
  }
}

function* attrEdits(c: FuzzCase): Generator<Edit> {
  for (const node of nodesOf(c)) {
    const schema = opOf(node.op).attrs;
    for (const name of attrNames(schema)) {
      const [spec, value] = [schema[name], node.attrs[name]];
      if (spec === undefined || value === undefined) continue;
      for (const simpler of simplerValues(spec, value)) {
        yield { attrs: (other): AnyAttrs => (other === node ? { ...node.attrs, [name]: simpler } : other.attrs) };
      }
    }
  }
}

/** A smaller size in place of one wherever it occurs, in attributes as well. */
function* sizeEdits(c: FuzzCase): Generator<Edit> {
  const shapes = c.program.types.map((t) => t.shape.filter((d) => typeof d === 'number'));
  const sizes = [...new Set(shapes.flat())].filter((d) => d > 1).sort((a, b) => b - a);
  for (const from of sizes) {
    for (const to of new Set([1, 2, Math.ceil(from / 2), from - 1])) {
      if (to >= from) continue;
      const replace = (list: readonly number[]): readonly number[] => list.map((d) => (d === from ? to : d));
      const attrs = (node: AnyNode): AnyAttrs =>
        Object.fromEntries(Object.entries(node.attrs).map(([k, v]): [string, AttrScalar] => [k, typeof v === 'object' ? replace(v) : v]));
      yield { shape: replace };
      yield { shape: replace, attrs };
    }
  }
  // one dimension of equal ones
  for (let axis = 0; axis < 4; axis++) {
    yield { shape: (shape) => shape.map((d, i) => (i === axis && d > 1 ? Math.ceil(d / 2) : d)) };
  }
}

const withElements = (tensor: Tensor, element: (v: number, i: number) => number): Tensor => {
  const data = DTYPE_INFO[tensor.dtype].make(tensor.data.length);
  for (let i = 0; i < data.length; i++) data[i] = element(at(tensor.data, i), i);
  return { ...tensor, data };
};

/** Zeros for a tensor, for halves of it, then element by element; then smaller numbers. */
function* dataEdits(c: FuzzCase): Generator<Edit> {
  const targets = [
    ...c.program.params.map((p, port) => ({ port, set: -1, length: p.tensor.data.length })),
    ...c.inputs.flatMap((tensors, set) => tensors.map((t, port) => ({ port, set, length: t.data.length }))),
  ];
  const edit = (port: number, set: number, element: (v: number, i: number) => number): Edit => ({
    data: (tensor, p, s) => (p === port && s === set ? withElements(tensor, element) : tensor),
  });
  for (const { port, set, length } of targets) {
    yield edit(port, set, () => 0);
    for (let size = Math.ceil(length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < length && length / size <= 64; from += size) {
        yield edit(port, set, (v, i) => (i >= from && i < from + size ? 0 : v));
      }
    }
    yield edit(port, set, (v) => Math.sign(v));
    yield edit(port, set, (v) => Math.trunc(v));
  }
}

const inputSetCases = (c: FuzzCase): readonly FuzzCase[] =>
  c.inputs.length < 2 ? [] : c.inputs.map((inputs) => ({ program: c.program, inputs: [inputs] }));

const STEPS = [outputEdits, nodeEdits, sizeEdits, attrEdits, dataEdits];

/**
 * The smallest case that is found, by single steps, of which the finding still holds: fewer outputs, inputs in place of
 * nodes, smaller sizes, simpler attributes, zeros as data.
 * @param holds - the finding of a case, or undefined when it has none or another
 */
export const reduceCase = async (original: FuzzCase, holds: (c: FuzzCase) => Promise<Finding | undefined>): Promise<FuzzCase> => {
  let best = original;
  let checks = 0;
  const accept = async (candidate: FuzzCase | undefined): Promise<boolean> => {
    if (candidate === undefined || !smaller(candidate, best) || checks >= MOST_CHECKS) return false;
    checks++;
    if ((await holds(candidate)) === undefined) return false;
    best = candidate;
    return true;
  };
  for (const candidate of inputSetCases(best)) if (await accept(candidate)) break;
  for (let before: FuzzCase | undefined; before !== best && checks < MOST_CHECKS; ) {
    before = best;
    for (const edits of STEPS) {
      // after each step that helps, the edits of the smaller case
      for (let again = true; again && checks < MOST_CHECKS; ) {
        again = false;
        for (const edit of edits(best)) {
          if (await accept(rebuild(best, edit))) {
            again = true;
            break;
          }
        }
      }
    }
  }
  return best;
};
