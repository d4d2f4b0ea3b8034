import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Constant, derivedConstant, mergeNames } from '../constant.ts';
import { attrText, isLayer, type Term } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { axisMap } from './movement.ts';
import { reshaped, sameSizes, shapeOf } from './shapes.ts';

interface Slice {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

/** A layer, with the vector that is added to its rows. */
interface Layered {
  readonly layer: Term;
  readonly weights: Constant;
  readonly rows: number;
  /** Of one number a row; undefined where nothing is added. */
  readonly bias: Constant | undefined;
}

const groupsOf = (layer: Term): number => (layer.op === 'conv' ? (layer.attrs as { readonly groups: number }).groups : 1);

const channelAxis = (layer: Term): number => (layer.op === 'conv' ? 1 : layer.type.shape.length - 1);

/** A layer with or without its bias; undefined for anything else. */
const layered = (x: Term): Layered | undefined => {
  const sum = x.op === 'sum' && x.operands.length === 2;
  const layer = sum ? x.operands.find((o) => isLayer(o)) : x;
  const constant = sum ? x.operands.find((o) => o.constant !== undefined)?.constant : undefined;
  const weights = layer === undefined || !isLayer(layer) ? undefined : layer.operands[1]?.constant;
  if (layer === undefined || weights === undefined || (sum && constant === undefined)) return undefined;
  const rows = at(weights.type.shape, 0);
  if (constant === undefined) return { layer, weights, rows, bias: undefined };
  if (elementCount(constant.type.shape) !== rows || !sameSizes(shapeOf(layer), shapeOf(x))) return undefined;
  return { layer, weights, rows, bias: reshaped(constant, [rows]) };
};

/** Rows of a constant, the first axis of which they are; `key` names which. */
const rowsOf = (constant: Constant, rows: readonly number[], key: string): Constant => {
  const shape = [rows.length, ...constant.type.shape.slice(1)];
  const length = elementCount(constant.type.shape.slice(1));
  return derivedConstant({ ...constant.type, shape }, `part${key}(${constant.key},${shape.join('x')})`, constant.names, () => {
    const values = constant.values();
    const out = new Float64Array(rows.length * length);
    rows.forEach((row, r) => {
      for (let i = 0; i < length; i++) out[r * length + i] = values[row * length + i] ?? 0;
    });
    return out;
  });
};

/** Constants one after the other along their first axis. */
const stacked = (parts: readonly Constant[]): Constant => {
  const [first] = parts;
  const shape = [parts.reduce((n, p) => n + at(p.type.shape, 0), 0), ...(first?.type.shape.slice(1) ?? [])];
  const key = `rows(${parts.map((p) => p.key).join(',')},${parts.map((p) => p.type.shape[0]).join(',')})`;
  return derivedConstant({ dtype: 'f32', shape }, key, mergeNames(...parts.map((p) => p.names)), () => {
    const out = new Float64Array(elementCount(shape));
    let next = 0;
    for (const p of parts) {
      out.set(Float64Array.from(p.values()), next);
      next += elementCount(p.type.shape);
    }
    return out;
  });
};

const rebuilt = (
  arena: Arena,
  layer: Term,
  x: Term,
  weights: Constant,
  bias: Constant | undefined,
  attrs: Term['attrs'],
  origin: string,
): Term => {
  const rows = at(weights.type.shape, 0);
  const axis = channelAxis(layer);
  const shape = shapeOf(layer).map((d, i) => (i === axis ? rows : d));
  const made = arena.build({ op: layer.op, attrs, operands: [x, arena.constant(weights)], type: { ...layer.type, shape }, origin });
  if (bias === undefined) return made;
  const after = shape.length - axis - 1;
  return arena.sum([made, arena.constant(reshaped(bias, [rows, ...new Array<number>(after).fill(1)]))], shape, origin);
};

const sliced = ({ attrs }: Draft): Slice => attrs as unknown as Slice;

/** The one axis that a slice cuts. */
const cutAxis = (d: Draft, from: readonly number[]): number | undefined => {
  const { starts, sizes, steps } = sliced(d);
  const cut = from.flatMap((n, i) => (starts[i] === 0 && sizes[i] === n && steps[i] === 1 ? [] : [i]));
  return cut.length === 1 ? cut[0] : undefined;
};

const indicesOf = (d: Draft, axis: number): readonly number[] => {
  const { starts, sizes, steps } = sliced(d);
  return Array.from({ length: at(sizes, axis) }, (_, i) => at(starts, axis) + i * at(steps, axis));
};

/** Some channels of a layer are a layer of these rows, also where the channels stand in several axes by then. */
const sliceOfLayer = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const moved = x.op === 'move';
  const base = layered(moved ? at(x.operands, 0) : x);
  const axis = cutAxis(d, shapeOf(x));
  if (base === undefined || axis === undefined || groupsOf(base.layer) !== 1 || d.type.dtype !== 'f32') return undefined;
  const { layer, weights, bias, rows } = base;
  const part = (chosen: readonly number[]): Term => {
    const key = `${axis}.${chosen[0] ?? 0}.${chosen.length}.${JSON.stringify(d.attrs)}${moved ? JSON.stringify(x.attrs) : ''}`;
    const own = bias === undefined ? undefined : rowsOf(bias, chosen, key);
    return rebuilt(arena, layer, at(layer.operands, 0), rowsOf(weights, chosen, key), own, layer.attrs, d.origin);
  };
  if (!moved) return axis === channelAxis(layer) ? part(indicesOf(d, axis)) : undefined;
  const map = axisMap(x);
  const [atom, ...others] = map?.targetGroups[axis] ?? [];
  const channel = map?.sourceGroups[channelAxis(layer)] ?? [];
  const place = atom === undefined ? -1 : channel.indexOf(atom);
  if (map === undefined || atom === undefined || others.length > 0 || place < 0 || sliced(d).steps[axis] !== 1) return undefined;
  const inner = channel.slice(place + 1).reduce((n, a) => n * a.size, 1);
  const [first, count] = [at(sliced(d).starts, axis), at(sliced(d).sizes, axis)];
  const chosen = Array.from({ length: rows }, (_, r) => r).filter((r) => {
    const i = Math.floor(r / inner) % atom.size;
    return i >= first && i < first + count;
  });
  const { source, target } = map.movement;
  const from = source.map((a) => (a === atom ? count : a.size));
  return arena.move(
    part(chosen),
    from,
    target.map((a) => source.indexOf(a)),
    shapeOf(d),
    d.origin,
  );
};

/** The value of which all inputs are parts, one after the other and of one size, along an axis. */
const commonInput = (inputs: readonly Term[], axis: number): Term | undefined => {
  const [whole] = inputs[0]?.operands ?? [];
  if (whole === undefined || inputs.some((x) => x.op !== 'slice' || x.operands[0] !== whole)) return undefined;
  const size = at(shapeOf(at(inputs, 0)), axis);
  if (size * inputs.length !== shapeOf(whole)[axis]) return undefined;
  const inOrder = inputs.every((x, k) => {
    const { starts, sizes, steps } = x.attrs as unknown as Slice;
    return shapeOf(whole).every((n, i) =>
      i === axis ? starts[i] === k * size && sizes[i] === size && steps[i] === 1 : starts[i] === 0 && sizes[i] === n && steps[i] === 1,
    );
  });
  return inOrder ? whole : undefined;
};

/** Layers side by side: of one input they are one layer of all rows, of the parts of one input a convolution in groups. */
const joinOfLayers = (arena: Arena, d: Draft): Term | undefined => {
  const parts = d.operands.map(layered);
  const { axis } = d.attrs as { readonly axis: number };
  const [first] = parts;
  if (first === undefined || parts.length < 2 || channelAxis(first.layer) !== axis || d.type.dtype !== 'f32') return undefined;
  const alike = parts.flatMap((p) => {
    const fits =
      p !== undefined &&
      p.layer.op === first.layer.op &&
      groupsOf(p.layer) === 1 &&
      attrText(p.layer.op, p.layer.attrs) === attrText(first.layer.op, first.layer.attrs) &&
      sameSizes(p.weights.type.shape.slice(1), first.weights.type.shape.slice(1));
    return fits ? [p] : [];
  });
  if (alike.length !== parts.length) return undefined;
  const inputs = alike.map((p) => at(p.layer.operands, 0));
  const one = inputs.every((x) => x === inputs[0]);
  const whole = one ? inputs[0] : first.layer.op === 'conv' ? commonInput(inputs, 1) : undefined;
  if (whole === undefined || (!one && alike.some((p) => p.rows !== first.rows))) return undefined;
  const weights = stacked(alike.map((p) => p.weights));
  const zeros = (rows: number): Constant => derivedConstant({ dtype: 'f32', shape: [rows] }, 'zeros', [], () => new Float64Array(rows));
  const bias = alike.some((p) => p.bias !== undefined) ? stacked(alike.map((p) => p.bias ?? zeros(p.rows))) : undefined;
  const attrs = one ? first.layer.attrs : { ...first.layer.attrs, groups: alike.length };
  return rebuilt(arena, first.layer, whole, weights, bias, attrs, d.origin);
};

/** Layers of which only parts are used, and layers side by side: one layer of the rows that are there. */
export const PARTS: readonly Rule[] = [
  { name: 'part of a layer is a layer of fewer rows', exactness: 'EXACT', ops: ['slice'], apply: sliceOfLayer },
  { name: 'layers side by side are one', exactness: 'EXACT', ops: ['concat'], apply: joinOfLayers },
];
