import { type AnyNode, type Program, sameType, typeOf, type ValueId } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { type Dice, edited, nodesWhere, put, tensorOf } from './edit.ts';
import type { Mutation } from './same.ts';

/** Changes of one attribute that keep every shape. */
const changed = (node: AnyNode, kernel: readonly unknown[]): AnyNode['attrs'] | undefined => {
  const { attrs } = node;
  switch (node.op) {
    case 'clip':
      return { ...attrs, max: Math.fround(Number(attrs['max']) * 0.75) };
    case 'leaky_relu':
    case 'elu':
      return { ...attrs, alpha: Math.fround(Number(attrs['alpha']) + 0.125) };
    case 'batch_norm':
      return { ...attrs, epsilon: Math.fround(Number(attrs['epsilon']) + 0.25) };
    case 'max_pool':
    case 'average_pool': {
      const window = attrs['kernel'] as readonly number[];
      const pads = attrs['pads'] as readonly number[];
      // a wider window needs one more row of padding for as many results
      return { ...attrs, kernel: window.map((k, i) => (i === 0 ? k + 1 : k)), pads: pads.map((p, i) => (i === window.length ? p + 1 : p)) };
    }
    case 'conv': {
      // a kernel of one tap has no dilation to speak of
      const dilation = attrs['dilation'] as readonly number[];
      const d = kernel.findIndex((k) => k !== 1);
      return d < 0 ? undefined : { ...attrs, dilation: dilation.map((v, i) => (i === d ? v + 1 : v)) };
    }
    default:
      return undefined;
  }
};

const attribute: Mutation = (program, dice) => {
  const nodes = program.nodes as readonly AnyNode[];
  const change = (n: AnyNode): AnyNode['attrs'] | undefined => {
    const w = n.operands[1];
    // one window over all has nothing new in a row of padding
    if (n.op.endsWith('_pool') && typeOf(program, at(n.results, 0)).shape[2] === 1) return undefined;
    return changed(n, w === undefined ? [] : typeOf(program, w).shape.slice(2));
  };
  for (let tries = 0; tries < 8; tries++) {
    const chosen = dice.pick(nodesWhere(program, (n) => change(n) !== undefined));
    if (chosen === undefined) return undefined;
    const attrs = change(at(nodes, chosen)) ?? {};
    const made = edited(program, {
      visit: (n, x, i, b) => {
        const emitted = i === chosen ? b.tryEmit(n.op, x, attrs, n.origin) : undefined;
        return emitted?.ok === true ? emitted.value : undefined;
      },
    });
    const taken = made?.nodes[chosen] as AnyNode | undefined;
    if (made !== undefined && JSON.stringify(taken?.attrs) !== JSON.stringify(at(nodes, chosen).attrs)) return made;
  }
  return undefined;
};

const padSide: Mutation = (program, dice) => {
  const padded = (n: AnyNode): boolean => n.op === 'conv' && (n.attrs['pads'] as readonly number[]).some((p) => p > 0);
  const chosen = dice.pick(nodesWhere(program, padded));
  if (chosen === undefined) return undefined;
  return edited(program, {
    visit: (n, x, i, b) => {
      if (i !== chosen) return undefined;
      const pads = [...(n.attrs['pads'] as readonly number[])];
      const half = pads.length / 2;
      const d = pads.findIndex((p) => p > 0) % half;
      const [from, to] = at(pads, d) > 0 ? [d, d + half] : [d + half, d];
      pads[from] = at(pads, from) - 1;
      pads[to] = at(pads, to) + 1;
      const emitted = b.tryEmit('conv', x, { ...n.attrs, pads }, n.origin);
      return emitted.ok ? emitted.value : undefined;
    },
  });
};

/** An operand is another value of its type that is there already. */
const edge: Mutation = (program, dice) => {
  const nodes = program.nodes as readonly AnyNode[];
  const places = nodes.flatMap((n, i) => {
    const x = n.operands[0];
    if (x === undefined || tensorOf(program, x) !== undefined) return [];
    const others = nodes
      .slice(0, i)
      .flatMap((m) => m.results)
      .filter((r) => r !== x && !n.results.includes(r) && sameType(typeOf(program, r), typeOf(program, x)));
    return others.map((other) => ({ node: i, other }));
  });
  const chosen = dice.pick(places);
  if (chosen === undefined) return undefined;
  const map = new Map<ValueId, ValueId>();
  return edited(program, {
    visit: (n, x, i, b) => {
      const operands = i === chosen.node ? [map.get(chosen.other) ?? at(x, 0), ...x.slice(1)] : x;
      const emitted = b.tryEmit(n.op, operands, n.attrs, n.origin);
      if (!emitted.ok) return undefined;
      n.results.forEach((r, k) => map.set(r, at(emitted.value, k)));
      return emitted.value;
    },
  });
};

const swapOperands: Mutation = (program, dice) => {
  const fits = (n: AnyNode): boolean => {
    const [x, y] = n.operands;
    return (
      (n.op === 'sub' || n.op === 'div' || n.op === 'concat') &&
      x !== undefined &&
      y !== undefined &&
      x !== y &&
      sameType(typeOf(program, x), typeOf(program, y))
    );
  };
  const chosen = dice.pick(nodesWhere(program, fits));
  return chosen === undefined
    ? undefined
    : edited(program, {
        visit: (n, [x, y, ...rest], i, b) => (i === chosen ? [put(b, n.op, [y as ValueId, x as ValueId, ...rest], n.attrs)] : undefined),
      });
};

/** Weights of layers that something before the output uses. */
const weightsOf = (program: Program): readonly number[] => {
  const used = new Set((program.nodes as readonly AnyNode[]).flatMap((n) => (n.op === 'conv' || n.op === 'dense' ? [n.operands[1]] : [])));
  return program.params.flatMap((p, i) => (used.has(p.value) && p.tensor.dtype === 'f32' && p.tensor.data.length > 1 ? [i] : []));
};

const weight: Mutation = (program, dice) => {
  const chosen = dice.pick(weightsOf(program));
  if (chosen === undefined) return undefined;
  return edited(program, {
    param: (tensor, i) => {
      if (i !== chosen) return tensor;
      const data = tensor.data.slice();
      const greatest = Array.from(data).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const at0 = dice.below(data.length);
      data[at0] = at(data, at0) + 1e-3 * greatest;
      return { ...tensor, data };
    },
  });
};

const otherOp: Mutation = (program, dice) => {
  const chosen = dice.pick(nodesWhere(program, (n) => n.op === 'relu' || n.op === 'max_pool' || n.op === 'sigmoid'));
  return chosen === undefined
    ? undefined
    : edited(program, {
        visit: (n, x, i, b) => {
          if (i !== chosen) return undefined;
          if (n.op !== 'max_pool') return [put(b, n.op === 'relu' ? 'sigmoid' : 'tanh', x)];
          const emitted = b.tryEmit('average_pool', x, n.attrs, n.origin);
          return emitted.ok ? emitted.value : undefined;
        },
      });
};

/** Changes that make another model. */
export const DIFFERENT: Readonly<Record<string, Mutation>> = {
  'one attribute': attribute,
  'one pad side': padSide,
  'one edge': edge,
  'operands of a non-commutative op swapped': swapOperands,
  'one weight': weight,
  'one op': otherOp,
};

export type { Dice };
