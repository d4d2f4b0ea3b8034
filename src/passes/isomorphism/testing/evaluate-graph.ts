import { evaluateNode, inferNode, isStaticType, type StaticType, type Tensor } from '../../../ir/index.ts';
import { at, invariant, unwrap } from '../../../support/index.ts';
import { type Graph, irOp, type Term } from '../graph.ts';
import { moveAttrs, sourceIndex } from '../normal/movement.ts';
import { broadcastIndex, shapeOf } from '../normal/shapes.ts';

const staticType = (term: Term): StaticType => {
  invariant(isStaticType(term.type), 'normal forms have numbers as dimensions');
  return term.type;
};

/** The types of all results of the op of a term. */
const resultTypes = (term: Term): readonly StaticType[] => {
  const op = irOp(term.op);
  if (op === undefined) return [staticType(term)];
  const operands = term.operands.map((o) => o.type);
  return unwrap(inferNode(op, operands, term.attrs)).filter(isStaticType);
};

const filled = (term: Term, element: (i: number) => number): Tensor => {
  const type = staticType(term);
  const data = new Float32Array(type.shape.reduce((n, d) => n * d, 1));
  for (let i = 0; i < data.length; i++) data[i] = element(i);
  return { ...type, data };
};

const form = (term: Term, operands: readonly Tensor[]): Tensor | undefined => {
  const [x, y, z] = operands;
  const number = (t: Tensor | undefined): number => t?.data[0] ?? Number.NaN;
  switch (term.op) {
    case 'sum':
    case 'product': {
      const places = operands.map((o) => broadcastIndex(o.shape, shapeOf(term)));
      const start = term.op === 'sum' ? 0 : 1;
      return filled(term, (i) =>
        operands.reduce((acc, o, k) => {
          const v = at(o.data, at(places, k)(i));
          return term.op === 'sum' ? acc + v : acc * v;
        }, start),
      );
    }
    case 'move': {
      const index = sourceIndex(moveAttrs(term));
      return filled(term, (i) => x?.data[index(i)] ?? Number.NaN);
    }
    case 'bounded':
      return filled(term, (i) => Math.min(Math.max(x?.data[i] ?? Number.NaN, number(y)), number(z)));
    case 'power':
      return evaluateNode('pow', operands, {}, [staticType(term)])[0];
    case 'slope':
      return filled(term, (i) => ((v: number): number => (v >= 0 ? v : v * number(y)))(x?.data[i] ?? Number.NaN));
    default:
      return undefined;
  }
};

/** Runs a graph in normal form, by the plainest means: what rules made of a program is compared with the program itself. */
export const evaluateGraph = (graph: Graph, inputs: readonly Tensor[]): readonly Tensor[] => {
  const values = new Map<Term, Tensor>();
  graph.inputs.forEach(({ term }, i) => values.set(term, at(inputs, i)));
  for (const term of graph.terms) {
    if (values.has(term)) continue;
    if (term.constant !== undefined) {
      const data = term.constant.type.dtype === 'f32' ? Float32Array.from(term.constant.values()) : Int32Array.from(term.constant.values());
      values.set(term, { ...term.constant.type, data });
      continue;
    }
    const operands = term.operands.map((o) => values.get(o)).filter((t) => t !== undefined);
    const op = irOp(term.op);
    values.set(
      term,
      op === undefined
        ? at(
            [form(term, operands)].filter((t) => t !== undefined),
            0,
          )
        : at(evaluateNode(op, operands, term.attrs, resultTypes(term)), term.result),
    );
  }
  return graph.outputs.map((o) =>
    at(
      [values.get(o.term)].filter((t) => t !== undefined),
      0,
    ),
  );
};
