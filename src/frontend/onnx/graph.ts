import { at, closest, type Diagnostic } from '../../support/index.ts';
import { caught, cyclic, definedTwice, detailUnsupported, neverDefined, operatorUnsupported, overLimit, stop } from './diagnostics.ts';
import { importNode } from './import-node.ts';
import { inlinedOf } from './inlined.ts';
import type { NodeSite } from './node.ts';
import { attributesOf, plainNode, trimmed } from './node-parts.ts';
import { isOwnFunction } from './own-functions.ts';
import { NEWEST_OPSET, ONNX_OPS, onnxOp, type OnnxOp, REFUSAL_NOTES, UNLISTED_DOMAINS } from './ops/index.ts';
import { type AttributeProto, type FunctionProto, type GraphProto, int64, type NodeProto, type OperatorSetIdProto } from './schema.ts';
import type { Session } from './session.ts';
import { hostTensor, type ReadExternal } from './tensor.ts';
import { hostValue, type KnownValue, type NodeReport, type Value } from './values.ts';

/** Names visible in a graph: its own, then those of the graph around it. */
export class Scope {
  private readonly own = new Map<string, Value>();
  private readonly outer: Scope | undefined;
  constructor(outer?: Scope) {
    this.outer = outer;
  }
  get(name: string): Value | undefined {
    return this.own.get(name) ?? this.outer?.get(name);
  }
  defines(name: string): boolean {
    return this.own.has(name);
  }
  set(name: string, value: Value): void {
    this.own.set(name, value);
  }
}

/** What a list of nodes is read against. */
interface Frame {
  readonly scope: Scope;
  readonly opsets: ReadonlyMap<string, number>;
  /** Attributes of the function call that the nodes belong to. */
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  /** Names of the calls around, for origins: `block1/`. */
  readonly prefix: string;
  readonly calls: readonly string[];
}

const MAX_CALL_DEPTH = 64;

/** "" and "ai.onnx" are the same domain. */
export const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);
export const opsetsOf = (imports: readonly OperatorSetIdProto[]): ReadonlyMap<string, number> =>
  new Map(imports.map((o) => [domainOf(o.domain), int64(o.version)]));
const functionKey = (domain: string, name: string, overload: string): string => `${domainOf(domain)}\n${name}\n${overload}`;

export const originOf = (node: NodeProto, index: number): string =>
  node.name === '' ? `${node.opType}#${index} -> ${node.output[0] ?? ''}` : node.name;

/** Every name that a node reads; of its inner graphs those that they do not define themselves. */
const readNames = (node: NodeProto): readonly string[] => [
  ...node.input,
  ...node.attribute.flatMap(({ g }) => {
    if (g === undefined || g === null) return [];
    const own = new Set([...g.input.map((p) => p.name), ...g.initializer.map((t) => t.name), ...g.node.flatMap((n) => n.output)]);
    return [...g.node.flatMap(readNames), ...g.output.map((o) => o.name)].filter((name) => !own.has(name));
  }),
];

interface Numbered {
  readonly node: NodeProto;
  readonly index: number;
  readonly reads: readonly string[];
}

/** Nodes so that each stands behind those it reads; ties keep the order of the file. */
const sorted = (nodes: readonly Numbered[], names: (cycle: readonly Numbered[]) => readonly string[]): readonly Numbered[] => {
  const maker = new Map<string, number>();
  nodes.forEach(({ node }, i) => {
    for (const o of node.output) if (o !== '') maker.set(o, i);
  });
  const waiting = nodes.map(({ reads }) => new Set(reads.flatMap((r) => maker.get(r) ?? [])).size);
  const users = new Map<number, number[]>();
  nodes.forEach(({ reads }, i) => {
    for (const m of new Set(reads.flatMap((r) => maker.get(r) ?? []))) {
      const list = users.get(m) ?? [];
      list.push(i);
      users.set(m, list);
    }
  });
  const ready = nodes.map((_, i) => i).filter((i) => waiting[i] === 0);
  const out: Numbered[] = [];
  for (let next = 0; next < ready.length; next++) {
    const i = at(ready, next);
    out.push(at(nodes, i));
    for (const user of users.get(i) ?? []) {
      const left = at(waiting, user) - 1;
      waiting[user] = left;
      if (left === 0) ready.push(user);
    }
  }
  if (out.length < nodes.length) stop(cyclic(names(nodes.filter((_, i) => (waiting[i] ?? 0) > 0))));
  return out;
};

/** Imports the nodes of a graph, of its inner graphs and of the functions it calls, into one session. */
export class GraphImporter {
  readonly reports: NodeReport[] = [];
  readonly problems: Diagnostic[] = [];
  /** Initializers by message: those of a loop's body are one parameter, not one for each iteration. */
  private readonly decoded = new Map<object, Value>();
  private readonly session: Session;
  private readonly functions: ReadonlyMap<string, FunctionProto>;
  private readonly readExternal: ReadExternal | undefined;
  /** Gives a stand-in for the result of a node that cannot be imported, when its type is declared. */
  private readonly standIn: (name: string) => KnownValue | undefined;

  constructor(
    session: Session,
    functions: readonly FunctionProto[],
    readExternal: ReadExternal | undefined,
    standIn: (name: string) => KnownValue | undefined,
  ) {
    this.session = session;
    this.functions = new Map(functions.filter((f) => !isOwnFunction(f)).map((f) => [functionKey(f.domain, f.name, f.overload), f]));
    this.readExternal = readExternal;
    this.standIn = standIn;
  }

  /** Initializers of a graph as constants; names of bad ones become unknown. */
  initializers(graph: GraphProto, scope: Scope): void {
    for (const t of graph.initializer) {
      if (scope.defines(t.name)) {
        this.problems.push(definedTwice(t.name));
        continue;
      }
      let value = this.decoded.get(t);
      if (value === undefined) {
        const host = hostTensor(t, this.readExternal);
        if (!host.ok) this.problems.push(...host.diagnostics);
        value = host.ok ? hostValue(t.name, host.value) : { known: false, name: t.name, cause: `initializer ${t.name}` };
        this.decoded.set(t, value);
      }
      scope.set(t.name, value);
    }
    if (graph.sparseInitializer.length > 0)
      this.problems.push(
        ...graph.sparseInitializer.map(() =>
          detailUnsupported({ op: 'sparse_initializer', domain: '', version: undefined }, graph.name, 'sparse tensors are not supported'),
        ),
      );
  }

  /** The main graph: only nodes that an output depends on. */
  main(graph: GraphProto, scope: Scope, opsets: ReadonlyMap<string, number>): void {
    const needed = new Set(graph.output.map((o) => o.name));
    const all = this.numbered(graph.node);
    const order = this.inOrder(all, '');
    const live: Numbered[] = [];
    for (const entry of order.toReversed()) {
      if (!entry.node.output.some((o) => o !== '' && needed.has(o))) continue;
      live.push(entry);
      for (const name of entry.reads) needed.add(name);
    }
    const left = order.length - live.length;
    if (left > 0) this.session.warnings.add('ONX3004', `${left} nodes that no output depends on were left out`);
    this.run(live.reverse(), { scope, opsets, attributes: new Map(), prefix: '', calls: [] });
  }

  private numbered(nodes: readonly NodeProto[]): readonly Numbered[] {
    return nodes.map((node, index) => ({ node, index, reads: readNames(node) }));
  }

  private inOrder(nodes: readonly Numbered[], prefix: string): readonly Numbered[] {
    const made = new Set<string>();
    const late = new Set(nodes.flatMap(({ node }) => node.output));
    const isSorted = nodes.every(({ node, reads }) => {
      const ok = reads.every((r) => made.has(r) || !late.has(r));
      for (const o of node.output) made.add(o);
      return ok;
    });
    if (isSorted) return nodes;
    const result = sorted(nodes, (cycle) => cycle.map(({ node, index }) => prefix + originOf(node, index)));
    this.session.warnings.add('ONX3003', 'the nodes of the file are not in topological order; they were sorted');
    return result;
  }

  private run(nodes: readonly Numbered[], frame: Frame): void {
    for (const { node, index } of nodes) {
      const origin = frame.prefix + originOf(node, index);
      this.session.budget.takeNode(origin);
      this.one(node, origin, frame);
    }
  }

  private one(node: NodeProto, origin: string, frame: Frame): void {
    const domain = domainOf(node.domain);
    const version = frame.opsets.get(domain);
    const report = { name: origin, op: node.opType, domain, version };
    try {
      const inputs = this.inputsOf(node, origin, frame);
      const unknown = inputs.find((v) => v !== undefined && !v.known);
      if (unknown !== undefined && !unknown.known) {
        // the row is looked up all the same: an unsupported operator behind another one is reported too
        if (inlinedOf(domain, node.opType) === undefined && !this.functions.has(functionKey(domain, node.opType, node.overload)))
          this.rowOf(node, origin, frame);
        this.setUnknown(node, frame, unknown.cause);
        const reason = `only the operator was checked: ${unknown.name} depends on ${unknown.cause}`;
        this.reports.push({ ...report, verdict: 'ok', reason, becomes: [], diagnostics: [] });
        return;
      }
      const known = inputs as readonly (KnownValue | undefined)[];
      if (this.control(node, origin, frame, known)) return;
      const { row, since } = this.rowOf(node, origin, frame);
      const site: NodeSite = {
        op: node.opType,
        domain,
        version,
        since,
        origin,
        inputs: known,
        outputs: trimmed(node.output),
        attributes: attributesOf(node, frame.attributes),
        readExternal: this.readExternal,
      };
      this.session.takeEmitted();
      const { results, approximations } = importNode(row, site, this.session);
      const becomes = this.session.takeEmitted();
      node.output.forEach((name, i) => {
        const result = results[i];
        if (name !== '' && result !== undefined) this.define(name, { ...result, name }, origin, frame);
      });
      const verdict = approximations.length > 0 ? ('approximated' as const) : ('ok' as const);
      this.reports.push({
        ...report,
        verdict,
        ...(approximations.length > 0 ? { reason: approximations.join('; ') } : {}),
        becomes,
        diagnostics: [],
      });
    } catch (error) {
      const diagnostics = caught(error).map((d) => (d.where === undefined ? { ...d, where: origin } : d));
      this.problems.push(...diagnostics);
      this.setUnknown(node, frame, origin);
      this.reports.push({
        ...report,
        verdict: 'unsupported',
        reason: diagnostics.map((d) => d.message).join('; '),
        becomes: [],
        diagnostics,
      });
    }
  }

  private define(name: string, value: Value, origin: string, frame: Frame): void {
    if (frame.scope.defines(name)) this.problems.push(definedTwice(name, origin));
    frame.scope.set(name, value);
  }

  private setUnknown(node: NodeProto, frame: Frame, cause: string): void {
    for (const name of node.output) {
      if (name === '' || frame.scope.defines(name)) continue;
      frame.scope.set(name, (frame.prefix === '' ? this.standIn(name) : undefined) ?? { known: false, name, cause });
    }
  }

  private inputsOf(node: NodeProto, origin: string, frame: Frame): readonly (Value | undefined)[] {
    const names = trimmed(node.input);
    const values = names.map((name) => (name === '' ? undefined : frame.scope.get(name)));
    const missing = names.filter((name, i) => name !== '' && values[i] === undefined);
    return missing.length === 0 ? values : stop(...missing.map((name) => neverDefined(name, origin)));
  }

  /** Function calls and operators with inner graphs; true when the node was one of them. */
  private control(node: NodeProto, origin: string, frame: Frame, inputs: readonly (KnownValue | undefined)[]): boolean {
    const callee = this.functions.get(functionKey(node.domain, node.opType, node.overload));
    if (callee !== undefined) {
      this.call(callee, node, origin, frame, inputs);
      return true;
    }
    const domain = domainOf(node.domain);
    const inlined = inlinedOf(domain, node.opType);
    if (inlined === undefined) return false;
    // ops that the node itself becomes; those of the inner graphs belong to the nodes there
    const becomes: string[] = [];
    this.session.takeEmitted();
    const results = inlined({
      op: node.opType,
      version: frame.opsets.get(domain),
      origin,
      inputs,
      outputs: node.output,
      attributes: attributesOf(node, frame.attributes),
      session: this.session,
      inline: (graph, values, label) => {
        becomes.push(...this.session.takeEmitted());
        const made = this.inline(graph, values, `${origin}/${label}`, { ...frame, calls: [...frame.calls, origin] });
        this.session.takeEmitted();
        return made;
      },
    });
    becomes.push(...this.session.takeEmitted());
    this.handOver(results, node, origin, frame);
    // If, Loop and Scan are told by the nodes in them
    const report = { name: origin, op: node.opType, domain, version: frame.opsets.get(domain) };
    if (domain !== '') this.reports.push({ ...report, verdict: 'ok', becomes, diagnostics: [] });
    return true;
  }

  /** An inner graph in a scope of its own; values of its outputs. */
  private inline(graph: GraphProto, values: readonly Value[], prefix: string, frame: Frame): readonly Value[] {
    if (frame.calls.length > MAX_CALL_DEPTH) stop(overLimit(`graphs are nested more than ${MAX_CALL_DEPTH} deep`, prefix));
    // also for an empty graph: loops nest
    this.session.budget.takeNode(prefix);
    const scope = new Scope(frame.scope);
    graph.input.forEach((port, i) => {
      const value = values[i];
      if (value !== undefined) scope.set(port.name, { ...value, name: port.name });
    });
    this.initializers(graph, scope);
    this.run(this.inOrder(this.numbered(graph.node), prefix), { ...frame, scope, prefix });
    return graph.output.map(({ name }) => scope.get(name) ?? stop(neverDefined(name, prefix)));
  }

  private call(callee: FunctionProto, node: NodeProto, origin: string, frame: Frame, inputs: readonly (KnownValue | undefined)[]): void {
    const key = functionKey(callee.domain, callee.name, callee.overload);
    if (frame.calls.includes(key) || frame.calls.length >= MAX_CALL_DEPTH)
      stop(overLimit(`function ${callee.name} calls itself, or calls are nested more than ${MAX_CALL_DEPTH} deep`, origin));
    const scope = new Scope();
    callee.input.forEach((name, i) => {
      const value = inputs[i];
      if (value !== undefined) scope.set(name, value);
    });
    const given = attributesOf(node, frame.attributes);
    const attributes = new Map([...callee.attributeProto.map((a) => [a.name, a] as const), ...given]);
    const opsets = new Map([...frame.opsets, ...opsetsOf(callee.opsetImport)]);
    const inner = { scope, opsets, attributes, prefix: `${origin}/`, calls: [...frame.calls, key] };
    // an optional input that the call leaves out reads as empty inside
    const absent = new Set(callee.input.filter((name) => !scope.defines(name)));
    const body = callee.node.map((n) =>
      n.input.some((i) => absent.has(i)) ? { ...plainNode(n), input: n.input.map((i) => (absent.has(i) ? '' : i)) } : n,
    );
    this.run(this.inOrder(this.numbered(body), inner.prefix), inner);
    const result = (inner: string): Value => scope.get(inner) ?? stop(neverDefined(inner, origin));
    const results = node.output.map((name, i) => (name === '' ? undefined : result(callee.output[i] ?? name)));
    this.handOver(results, node, origin, frame);
  }

  /** Results of an inner graph under the names that the calling node gives them. */
  private handOver(results: readonly (Value | undefined)[], node: NodeProto, origin: string, frame: Frame): void {
    node.output.forEach((name, i) => {
      const value = results[i];
      if (name === '') return;
      if (value === undefined) stop(neverDefined(name, origin));
      else this.define(name, value.known && value.host !== undefined ? hostValue(name, value.host) : { ...value, name }, origin, frame);
    });
  }

  private rowOf(node: NodeProto, origin: string, frame: Frame): { readonly row: OnnxOp; readonly since: number } {
    const domain = domainOf(node.domain);
    const version = frame.opsets.get(domain) ?? (UNLISTED_DOMAINS.has(domain) ? 1 : undefined);
    const operator = { op: node.opType, domain, version };
    const row = onnxOp(node.opType, domain);
    if (row === undefined) return stop(operatorUnsupported(operator, origin, this.unsupportedNotes(node, domain)));
    if (version === undefined)
      return stop(
        operatorUnsupported(operator, origin, [`The model has no opset_import for ${domain === '' ? 'the default domain' : domain}.`]),
      );
    if (domain === '' && version > NEWEST_OPSET)
      this.session.warnings.add('ONX3005', `the model uses opset ${version}, operators are read as of opset ${NEWEST_OPSET}`);
    const since = row.since.findLast((s) => s <= version);
    if (since === undefined)
      return stop(
        detailUnsupported(operator, origin, `it is read from opset ${at(row.since, 0)} on`, [
          'Convert the model with onnx.version_converter.',
        ]),
      );
    return { row, since };
  }

  private unsupportedNotes(node: NodeProto, domain: string): readonly string[] {
    const reason = REFUSAL_NOTES.get(node.opType);
    if (domain === '' && reason !== undefined) return [reason];
    if (domain !== '')
      return onnxOp(node.opType) === undefined
        ? [`It belongs to the custom domain ${domain}. Export it as a model-local function, or with standard operators.`]
        : [`Did you mean ${node.opType} of the default domain?`];
    const near = closest(node.opType, Object.keys(ONNX_OPS));
    return near === undefined ? [] : [`Did you mean ${near}?`];
  }
}
