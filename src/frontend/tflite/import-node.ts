import { elementCount, isStaticShape, programOperations, runProgram, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { stop } from './diagnostics.ts';
import { elemOf, isFloat, makeHost } from './elem.ts';
import { type Declared, fileShape, type NodeSite, TfliteNode } from './node.ts';
import type { TfliteOp } from './ops/row.ts';
import { Session } from './session.ts';
import { type KnownValue, type Layout, type Made, sameQuantization } from './values.ts';

export interface ImportedNode {
  readonly results: readonly KnownValue[];
  readonly approximations: readonly string[];
}

/** Work that may be spent on one operator at import, in operations. */
const MAX_FOLD_COST = 2 ** 22;

const wireOf = (made: Made): { readonly value: ValueId; readonly layout: Layout } | undefined =>
  typeof made === 'number' ? { value: made, layout: 'file' } : 'value' in made ? made : undefined;

/** The op gives elements of its operands, so that a result on their grid is on it already. */
const staysOnGrid = (n: TfliteNode, row: TfliteOp, declared: Declared): boolean =>
  row.keeps === true &&
  n.site.inputs.every((v) => v === undefined || v.quantization === undefined || sameQuantization(v.quantization, declared.quantization)) &&
  n.site.inputs.some((v) => v?.quantization !== undefined);

const resultOf = (n: TfliteNode, row: TfliteOp, declared: Declared, made: Made): KnownValue => {
  const { name, elem, quantization } = declared;
  const found = wireOf(made);
  if (found === undefined) {
    const { host } = made as Extract<Made, { readonly host: unknown }>;
    if (host.elem !== elem) return n.malformed(`its result ${name} is declared ${elem}, but it makes ${host.elem}`);
    return { known: true, name, elem, shape: host.shape, quantization, host, wires: { file: undefined, first: undefined } };
  }
  const { dtype } = n.typeOf(found.value);
  const wanted = quantization === undefined ? elemOf(elem).dtype : 'f32';
  if (dtype !== wanted) return n.malformed(`its result ${name} is declared ${elem}, but it makes ${dtype}`);
  const value =
    quantization === undefined || staysOnGrid(n, row, declared) || isFloat(elem)
      ? found.value
      : n.session.quantized(found.value, elem, quantization, n.site.origin);
  const wires = { file: undefined, first: undefined, [found.layout]: value };
  return { known: true, name, elem, shape: fileShape(n.sizes(value), found.layout), quantization, wires };
};

/** Runs an importer, and refuses what it did not look at: the meaning might be another. */
const madeBy = (n: TfliteNode, row: TfliteOp): readonly Made[] => {
  const made = row.import(n);
  const unread = n.unread();
  if (unread.length > 0) stop(...unread);
  if (made.length < n.outputCount) return n.refuse(`output ${made.length} (${n.output(made.length).name}) is not supported`);
  return made;
};

const allKnown = (site: NodeSite): boolean =>
  site.inputs.length > 0 &&
  site.inputs.every((v) => v === undefined || (v.host !== undefined && v.quantization === undefined && v.variable !== true)) &&
  site.outputs.every((o) => o.quantization === undefined);

/** Small computations on constants (shapes, axes): the program's own meaning, run now. */
const folded = (row: TfliteOp, site: NodeSite, outer: Session): readonly KnownValue[] | undefined => {
  if (!allKnown(site)) return undefined;
  const size = site.inputs.reduce((sum, v) => sum + (v?.host?.data.length ?? 0), 0);
  if (size > outer.maxFold) return undefined;
  const session = new Session('fold', outer.budget, outer.warnings);
  // wires belong to one program: those of the outer one are of no use here
  const inputs = site.inputs.map((v) => (v === undefined ? undefined : { ...v, wires: { file: undefined, first: undefined } }));
  const n = new TfliteNode({ ...site, inputs }, session);
  const results = madeBy(n, row)
    .slice(0, n.outputCount)
    .map((m, i) => resultOf(n, row, n.output(i), m));
  const made = results.map((r) => (r.host === undefined ? session.wire(r) : undefined));
  const wires = made.filter((w) => w !== undefined);
  const total = wires.reduce((sum, w) => {
    const { shape } = session.builder.typeOf(w);
    return sum + (isStaticShape(shape) ? elementCount(shape) : Number.POSITIVE_INFINITY);
  }, 0);
  wires.forEach((w, i) => session.builder.output(`y${i}`, w));
  const program = session.builder.finish();
  if (total > outer.maxFold || programOperations(program) > MAX_FOLD_COST || !outer.budget.take(total)) return undefined;
  const tensors = runProgram(program, []);
  // a NaN made here would be blamed on a constant that the user does not have
  if (tensors.some((t) => t.dtype === 'f32' && t.data.some((v) => Number.isNaN(v)))) return undefined;
  let next = 0;
  return results.map((r, i) => {
    if (made[i] === undefined) return { ...r, wires: { file: undefined, first: undefined } };
    const { data, shape } = at(tensors, next++);
    const held = makeHost(r.elem, data.length);
    held.set(data);
    return { ...r, host: { elem: r.elem, shape, data: held }, wires: { file: undefined, first: undefined } };
  });
};

/** Imports one operator whose inputs are all known. @throws {MrlError} with everything that is wrong with it */
export const importNode = (row: TfliteOp, site: NodeSite, session: Session): ImportedNode => {
  const results = folded(row, site, session);
  if (results !== undefined) return { results, approximations: [] };
  const n = new TfliteNode(site, session);
  const made = madeBy(n, row);
  const values = site.outputs.map((declared, i) => resultOf(n, row, declared, at(made, i)));
  for (const { elem, host } of values) if (host === undefined) session.warnings.narrowed(elem, site.origin);
  return { results: values, approximations: n.approximated() };
};
