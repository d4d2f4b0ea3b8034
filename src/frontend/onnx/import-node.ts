import { elementCount, isStaticShape, programOperations, runProgram, type Tensor, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { detailUnsupported, stop } from './diagnostics.ts';
import { type HostTensor, isLow, makeHost, reshapedHost } from './elem.ts';
import { OnnxNode, type NodeSite } from './node.ts';
import type { OnnxOp } from './ops/index.ts';
import { elemOfType, iota, Session } from './session.ts';
import { hostValue, type KnownValue, type Made } from './values.ts';

export interface ImportedNode {
  readonly results: readonly KnownValue[];
  readonly approximations: readonly string[];
}

/** Work that may be spent on one node at import, in operations. */
const MAX_FOLD_COST = 2 ** 22;

const resultOf = (n: OnnxNode, name: string, made: Made): KnownValue => {
  if (typeof made === 'object' && 'host' in made) return hostValue(name, made.host);
  if (typeof made === 'object' && 'same' in made) return { ...made.same, name };
  if (typeof made === 'object' && 'sequence' in made) return { known: true, name, elem: made.elem, shape: [], sequence: made.sequence };
  const value = typeof made === 'object' ? made.value : made;
  const type = n.typeOf(value);
  const [first] = n.site.inputs;
  const elem = typeof made === 'object' ? made.elem : elemOfType(type, first?.elem);
  return { known: true, name, elem, shape: type.shape, wire: value };
};

/** A node that reads and makes nothing that the importer did not look at; otherwise the meaning might change. */
const checkComplete = (n: OnnxNode, made: readonly Made[]): void => {
  const unread = n.unread();
  if (unread.length > 0) stop(...unread);
  const missing = n.site.outputs.findIndex((name, i) => i >= made.length && name !== '');
  if (missing >= 0) stop(detailUnsupported(n.site, n.site.origin, `output ${missing} (${n.site.outputs[missing] ?? ''}) is not supported`));
};

const allKnown = (site: NodeSite): boolean => site.inputs.length > 0 && site.inputs.every((v) => v === undefined || v.host !== undefined);

/** Takes the elements of `sources`, counted on, that `indices` name. */
const picked = (sources: readonly HostTensor[], indices: Tensor): HostTensor => {
  const [first] = sources;
  const elem = first?.elem ?? 'float';
  const data = makeHost(elem, indices.data.length);
  const starts = sources.map((_, k) => sources.slice(0, k).reduce((n, s) => n + s.data.length, 0));
  const symbols: (string | undefined)[] = [];
  for (let i = 0; i < data.length; i++) {
    const index = at(indices.data, i);
    let k = sources.length - 1;
    while (k > 0 && at(starts, k) > index) k--;
    const source = at(sources, k);
    data[i] = at(source.data, index - at(starts, k));
    const symbol = source.symbols?.[index - at(starts, k)];
    if (symbol !== undefined) symbols[i] = symbol;
  }
  const host = { elem, shape: indices.shape, data };
  return symbols.length === 0 ? host : { ...host, symbols };
};

const valuesOf = (n: OnnxNode, made: readonly Made[]): readonly ValueId[] =>
  made.map((m) => (typeof m === 'number' ? m : 'value' in m ? m.value : n.malformed('a moved result is a constant')));

/**
 * The node on element numbers 0, 1, 2, … instead of elements: the result says which element goes where. So every
 * operator that only moves elements is computed at import for all element types, symbols included.
 */
const foldMoves = (row: OnnxOp, site: NodeSite, outer: Session): readonly KnownValue[] | undefined => {
  const moved = row.moves === 'all' ? site.inputs : site.inputs.slice(0, 1);
  const hosts = moved.flatMap((v) => (v?.host === undefined ? [] : [v.host]));
  const count = hosts.reduce((n, h) => n + h.data.length, 0);
  if (hosts.length !== moved.length || hosts.some((h) => h.elem !== hosts[0]?.elem)) return undefined;
  const session = new Session('fold', outer.budget, outer.warnings);
  const inputs = site.inputs.map((v, i): KnownValue | undefined => {
    if (v === undefined || i >= moved.length || !isStaticShape(v.shape)) return v;
    const type = { dtype: 'i32', shape: v.shape } as const;
    const stand: KnownValue = { known: true, name: v.name, elem: 'int32', shape: v.shape, wire: session.input(v.name, type) };
    return stand;
  });
  const n = new OnnxNode({ ...site, inputs }, session);
  const made = row.import(n);
  checkComplete(n, made);
  const wires = valuesOf(n, made);
  const shapes = wires.map((w) => {
    const { shape } = session.builder.typeOf(w);
    return isStaticShape(shape) ? shape : n.unknown('every dimension');
  });
  if (row.moves === 'reshapes') {
    const [host] = hosts;
    return host === undefined ? undefined : shapes.map((shape, i) => hostValue(site.outputs[i] ?? '', reshapedHost(host, shape)));
  }
  const total = shapes.reduce((sum, s) => sum + elementCount(s), 0);
  if (!outer.budget.take(count + total)) return undefined;
  let start = 0;
  const numbered = hosts.map((h) => {
    const t = iota(h.shape, start);
    start += h.data.length;
    return t;
  });
  wires.forEach((w, i) => session.builder.output(`y${i}`, w));
  const results = runProgram(session.builder.finish(), numbered);
  return results.map((indices, i) => hostValue(site.outputs[i] ?? '', picked(hosts, indices)));
};

/** Small float computations on constants (scales of Resize, folded weights): the program's own meaning, run now. */
const foldByRun = (row: OnnxOp, site: NodeSite, outer: Session): readonly KnownValue[] | undefined => {
  const size = site.inputs.reduce((n, v) => n + (v?.host?.data.length ?? 0), 0);
  if (size > outer.maxFoldInput || site.inputs.some((v) => v?.host?.symbols !== undefined)) return undefined;
  const session = new Session('fold', outer.budget, outer.warnings);
  const n = new OnnxNode(site, session);
  const made = row.import(n);
  checkComplete(n, made);
  // draws are made at run time, from the seed of the model
  if (session.seedName !== undefined) return undefined;
  const results = made.map((m, i) => resultOf(n, site.outputs[i] ?? '', m));
  results.forEach((r, i) => session.builder.output(`y${i}`, session.wire(r)));
  const program = session.builder.finish();
  const total = results.reduce((sum, r) => sum + (isStaticShape(r.shape) ? elementCount(r.shape) : Number.POSITIVE_INFINITY), 0);
  if (total > outer.maxFoldInput || programOperations(program) > MAX_FOLD_COST || !outer.budget.take(total)) return undefined;
  const tensors = runProgram(program, []);
  // a NaN or infinity made here would be blamed on a parameter that the user does not have
  if (tensors.some((t) => t.dtype === 'f32' && t.data.some((v) => v !== v))) return undefined;
  return results.map((r, i) => {
    const { data, shape } = at(tensors, i);
    const held = makeHost(r.elem, data.length);
    held.set(data);
    return hostValue(r.name, { elem: r.elem, shape, data: held });
  });
};

const foldKnown = (row: OnnxOp, site: NodeSite, session: Session): readonly KnownValue[] | undefined => {
  if (row.moves !== undefined) return foldMoves(row, site, session);
  if (row.fold !== undefined) {
    const n = new OnnxNode(site, session);
    const host = row.fold(n);
    if (host !== undefined) {
      checkComplete(n, [{ host }]);
      return [hostValue(site.outputs[0] ?? '', host)];
    }
  }
  return foldByRun(row, site, session);
};

/** Known reals over stored integers: the program has the node itself, where it uses them. */
const spell = (row: OnnxOp, site: NodeSite, session: Session, results: readonly KnownValue[]): void =>
  results.forEach(({ name, host }, i) => {
    if (host === undefined) return;
    session.spell(host, () => {
      const n = new OnnxNode(site, session);
      return session.wire(resultOf(n, name, at(row.import(n), i)));
    });
  });

/** Imports one node whose inputs are all known. @throws {MrlError} with everything that is wrong with it */
export const importNode = (row: OnnxOp, site: NodeSite, session: Session): ImportedNode => {
  const low = site.inputs.find((v) => v !== undefined && isLow(v.elem));
  if (low !== undefined && row.moves === undefined && row.low === undefined)
    stop(detailUnsupported(site, site.origin, `arithmetic on ${low.elem} (${low.name}) is not supported`));
  const folded = allKnown(site) ? foldKnown(row, site, session) : undefined;
  if (folded !== undefined) {
    if (row.dequantizes === true || (row.moves !== undefined && session.isSpelled(site.inputs[0]))) spell(row, site, session, folded);
    return { results: folded, approximations: [] };
  }
  const n = new OnnxNode(site, session);
  const made = row.import(n);
  checkComplete(n, made);
  const results = made.slice(0, Math.max(site.outputs.length, 1)).map((m, i) => resultOf(n, site.outputs[i] ?? '', m));
  // how a type is kept is a matter of the whole model: one warning, not an approximation of each node
  for (const { elem, host } of results) {
    if (host === undefined) session.warnings.narrowed(elem, site.origin);
  }
  return { results, approximations: [...new Set(n.approximated())] };
};
