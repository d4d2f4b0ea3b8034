import { at, invariant } from '../../../support/index.ts';
import { eachDefinition, eachUse, walkBackwards } from './flow.ts';
import { spill } from './spill.ts';
import {
  addRegister,
  addRegisters,
  type CallingForm,
  hasRegister,
  type RegisterSet,
  type Spilled,
  type Virtual,
  type VirtualFunction,
  type VirtualInstruction,
} from './virtual.ts';

/** How many registers functions may use; fewer than there are for tests. */
export interface RegisterLimits {
  readonly scalars?: number;
  readonly vectors?: number;
}

/** The last register of each kind is free for moves, r0 is 0. */
export const SCRATCH = 63;
const MOST = { scalars: 62, vectors: 63 };

/** Registers of a function. */
export interface Allocation {
  /** By virtual register; r0 for 0. */
  readonly registers: readonly (number | undefined)[];
  readonly spilled: readonly Spilled[];
  readonly frameBytes: number;
}

interface Graph {
  readonly neighbours: readonly Set<Virtual>[];
  readonly forbidden: readonly RegisterSet[];
  readonly weights: Float64Array;
  readonly first: Int32Array;
  /** Registers that would make a move needless: real ones, or those of virtual ones. */
  readonly hints: readonly { readonly virtual?: Virtual; readonly register?: number }[][];
}

const LOOP_WEIGHT = 8;
const DEEPEST = 8;

const graphOf = (fn: VirtualFunction, forms: ReadonlyMap<string, { readonly form: CallingForm }>): Graph => {
  const count = fn.isVector.length;
  const make = <T>(one: () => T): T[] => Array.from({ length: count }, one);
  const graph = {
    neighbours: make(() => new Set<Virtual>()),
    forbidden: make((): RegisterSet => ({ low: 0, high: 0 })),
    weights: new Float64Array(count),
    first: new Int32Array(count).fill(fn.code.length),
    hints: make((): { virtual?: Virtual; register?: number }[] => []),
  };
  const { neighbours, forbidden, weights, first, hints } = graph;
  const meet = (d: Virtual, live: ReadonlySet<Virtual>, except: Virtual): void => {
    for (const l of live) {
      if (l === d || l === except || fn.isVector[l] !== fn.isVector[d]) continue;
      neighbours[d]?.add(l);
      neighbours[l]?.add(d);
    }
  };
  const calls = (one: VirtualInstruction, live: ReadonlySet<Virtual>): void => {
    const form = forms.get(one.name ?? '')?.form;
    invariant(form !== undefined, `${one.name} is defined before it is called`);
    if (!live.has(one.d)) one.d = -1;
    for (const l of live) if (l !== one.d) addRegisters(at(forbidden, l), fn.isVector[l] === true ? form.vectors : form.scalars);
    one.args?.forEach((arg, i) => {
      const register = form.params[i];
      if (arg > 0 && register !== undefined) hints[arg]?.push({ register });
    });
    if (one.d > 0 && form.result !== undefined) hints[one.d]?.push({ register: form.result });
  };
  walkBackwards(fn, (one, index, live) => {
    const weight = LOOP_WEIGHT ** Math.min(one.depth, DEEPEST);
    const count1 = (v: Virtual): void => {
      weights[v] = (weights[v] ?? 0) + weight;
    };
    if (one.op === 'callee') calls(one, live);
    if (one.op === 'move' && one.a > 0) {
      hints[one.d]?.push({ virtual: one.a });
      hints[one.a]?.push({ virtual: one.d });
    }
    eachDefinition(one, (d) => {
      // a parameter that nobody reads gets no register
      if (one.op === 'entry' && !live.has(d)) return;
      count1(d);
      first[d] = index;
      meet(d, live, one.op === 'move' ? one.a : -1);
    });
    eachUse(one, count1);
    return true;
  });
  return graph;
};

/** Gives registers in an order. @returns those that found none */
const colour = (
  fn: VirtualFunction,
  graph: Graph,
  order: readonly Virtual[],
  most: typeof MOST,
  registers: (number | undefined)[],
): readonly Virtual[] => {
  const left: Virtual[] = [];
  for (const v of order) {
    const taken: RegisterSet = { ...at(graph.forbidden, v) };
    for (const n of at(graph.neighbours, v)) {
      const register = registers[n];
      if (register !== undefined) addRegister(taken, register);
    }
    const isVector = fn.isVector[v] === true;
    const [from, to] = isVector ? [0, most.vectors] : [1, most.scalars + 1];
    const isFree = (register: number | undefined): register is number =>
      register !== undefined && register >= from && register < to && !hasRegister(taken, register);
    let chosen = at(graph.hints, v)
      .map(({ virtual, register }) => (virtual === undefined ? register : registers[virtual]))
      .find(isFree);
    for (let r = from; chosen === undefined && r < to; r++) if (isFree(r)) chosen = r;
    if (chosen === undefined) left.push(v);
    else registers[v] = chosen;
  }
  return left;
};

const MOST_ROUNDS = 40;

/** Chooses registers; what does not fit goes to the frame. The code is changed. */
export const allocate = (
  fn: VirtualFunction,
  forms: ReadonlyMap<string, { readonly form: CallingForm }>,
  limits: RegisterLimits,
): Allocation => {
  const most = {
    scalars: Math.min(limits.scalars ?? MOST.scalars, MOST.scalars),
    vectors: Math.min(limits.vectors ?? MOST.vectors, MOST.vectors),
  };
  const spilled: Spilled[] = [];
  const unspillable = new Set<Virtual>([fn.result]);
  let frameBytes = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const graph = graphOf(fn, forms);
    const used = [...graph.first.keys()].filter((v) => v > 0 && (graph.weights[v] ?? 0) > 0);
    const attempt = (order: readonly Virtual[]): { readonly registers: (number | undefined)[]; readonly left: readonly Virtual[] } => {
      const registers = new Array<number | undefined>(fn.isVector.length).fill(undefined);
      registers[0] = 0;
      return { left: colour(fn, graph, order, most, registers), registers };
    };
    const start = (v: Virtual): number => graph.first[v] ?? 0;
    // in the order of the code few registers are needed; where that fails, the busiest choose first
    const inOrder = attempt(used.toSorted((a, b) => start(a) - start(b) || a - b));
    if (inOrder.left.length === 0) return { registers: inOrder.registers, spilled, frameBytes };
    const worth = (v: Virtual): number =>
      unspillable.has(v) ? Number.POSITIVE_INFINITY : (graph.weights[v] ?? 0) / (at(graph.neighbours, v).size + 1);
    const byWorth = attempt(used.toSorted((a, b) => (worth(a) === worth(b) ? a - b : worth(b) - worth(a))));
    if (byWorth.left.length === 0) return { registers: byWorth.registers, spilled, frameBytes };
    const victims = byWorth.left.filter((v) => !unspillable.has(v));
    invariant(victims.length > 0, `${fn.name} needs more than ${most.scalars} and ${most.vectors} registers in one instruction`);
    frameBytes = spill(fn, victims, { spilled, unspillable, frameBytes });
  }
  invariant(false, `registers of ${fn.name} are not found in ${MOST_ROUNDS} rounds`);
};
