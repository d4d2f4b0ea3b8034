import type { Dim, ValueId } from '../../ir/index.ts';
import type { Control, ControlSite } from './control-flow.ts';
import { detailUnsupported, operatorUnsupported, stop } from './diagnostics.ts';
import type { ElemName } from './elem.ts';
import { OnnxNode } from './node.ts';
import { floatWire } from './ops/util.ts';
import type { GraphProto } from './schema.ts';
import type { UnknownValue } from './values.ts';

const { fround } = Math;

export const PREVIEW_DOMAIN = 'ai.onnx.preview';
const VERSION = 1;

/** Element types of the scores by softmax_precision. */
const PRECISIONS: ReadonlyMap<number, ElemName> = new Map([
  [1, 'float'],
  [10, 'float16'],
  [11, 'double'],
  [16, 'bfloat16'],
]);

interface Sizes {
  readonly heads: number;
  /** Heads of key and value. */
  readonly groups: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly valueSize: number;
}

const sizesOf = (n: OnnxNode): Sizes => {
  const shapes = [0, 1, 2].map((i) => (n.rank(i) === 4 ? n.shapeOf(i) : n.malformed(`input ${i} has rank ${n.rank(i)}, not 4`)));
  const behind = shapes.map((s) => s.slice(1));
  if (behind.flat().some((d) => typeof d === 'string')) return n.unbound(behind.flat());
  const [[heads = 0, queries = 0, size = 0] = [], [groups = 0, keys = 0, keySize] = [], [valueHeads, values, valueSize = 0] = []] =
    behind.map((s) => s.map(Number));
  const [batch, ...others] = shapes.map((s) => s[0]);
  const alike = others.every((d) => d === batch) && keySize === size && valueHeads === groups && values === keys;
  if (!alike || heads < 1 || groups < 1 || heads % groups !== 0 || queries * keys * size * valueSize === 0)
    return n.malformed(`Q, K and V are [${shapes.map((s) => s.join(', ')).join('], [')}]`);
  return { heads, groups, queries, keys, size, valueSize };
};

/** Changes the scores or the probabilities; unknown where a node of its graph could not be imported. */
type Modifier = (x: ValueId) => ValueId | UnknownValue;

/** score_mod or prob_mod: a graph of one input and one output of the same shape. */
const modifier = (s: ControlSite, n: OnnxNode, name: 'score_mod' | 'prob_mod', elem: ElemName): Modifier => {
  n.ignore(name);
  const graph: GraphProto | null | undefined = s.attributes.get(name)?.g;
  if (!n.hasAttr(name)) return (x) => x;
  if (graph === undefined || graph === null || n.attrType(name) !== 'graph') return n.malformed(`attribute ${name} is no graph`);
  const given = graph.initializer.map((t) => t.name);
  if (graph.input.filter((port) => !given.includes(port.name)).length !== 1 || graph.output.length !== 1)
    return n.malformed(`${name} has ${graph.input.length} inputs and ${graph.output.length} outputs, but one of each is wanted`);
  return (x) => {
    const { shape } = n.typeOf(x);
    const [result] = s.inline(graph, [{ known: true, name, elem, shape, wire: x }], `${name}/`);
    if (result === undefined || !result.known) return result ?? n.malformed(`${name} has no result`);
    const same = result.shape.join() === shape.join();
    if (!same || result.elem !== elem)
      return n.malformed(`${name} gives ${result.elem}[${result.shape.join(', ')}], not ${elem}[${shape.join(', ')}]`);
    return s.session.wire(result);
  };
};

const isUnknown = (x: ValueId | UnknownValue): x is UnknownValue => typeof x === 'object';

const precisionOf = (n: OnnxNode): ElemName => {
  if (!n.hasAttr('softmax_precision')) return n.elem(0) === 'double' ? 'double' : 'float';
  const precision = n.int('softmax_precision');
  return PRECISIONS.get(precision) ?? n.malformed(`softmax_precision is ${precision}, but it is 1, 10, 11 or 16`);
};

/** sqrt(scale), the factor of both queries and keys; 1 / sqrt(head size) unless it is given. */
const rootOf = (n: OnnxNode, size: number): number => {
  const scale = n.hasAttr('scale') ? n.float('scale') : fround(1 / fround(Math.sqrt(size)));
  return scale >= 0 ? fround(Math.sqrt(scale)) : n.refuse(`scale is ${scale}, but only scales of at least 0 are supported`);
};

/** The queries of all heads that share a key head are rows of one matrix, as in the op `attention`. */
const flexAttentionOf = (s: ControlSite, n: OnnxNode): ValueId | UnknownValue => {
  const { heads, groups, queries, keys, size, valueSize } = sizesOf(n);
  const batch: Dim = n.shapeOf(0)[0] ?? 1;
  const rows = (heads / groups) * queries;
  const elem = precisionOf(n);
  const [scoreMod, probMod] = [modifier(s, n, 'score_mod', elem), modifier(s, n, 'prob_mod', elem)];
  const root = n.scalar(rootOf(n, size));
  const unread = n.unread();
  if (unread.length > 0) stop(...unread);
  const scaled = [0, 1].map((i) => n.emit('mul', [floatWire(n, i), root], {}));
  const [q, k] = scaled;
  if (q === undefined || k === undefined) return n.malformed('an input is missing');
  const turned = n.emit('transpose', [k], { perm: [0, 1, 3, 2] });
  const product = n.emit('matmul', [n.reshape(q, [batch, groups, rows, size]), turned], {});
  const scores = scoreMod(n.reshape(product, [batch, heads, queries, keys]));
  if (isUnknown(scores)) return scores;
  const probabilities = probMod(n.emit('softmax', [scores], { axis: -1 }));
  if (isUnknown(probabilities)) return probabilities;
  const y = n.emit('matmul', [n.reshape(probabilities, [batch, groups, rows, keys]), floatWire(n, 2)], {});
  return n.reshape(y, [batch, heads, queries, valueSize]);
};

/**
 * FlexAttention-1 of ai.onnx.preview: y = prob_mod(softmax(score_mod(q k^T scale))) v, both modifiers inlined.
 */
export const flexAttention: Control = (s) => {
  const operator = { op: s.op, domain: PREVIEW_DOMAIN, version: s.version };
  if (s.version === undefined)
    return stop(operatorUnsupported(operator, s.origin, [`The model has no opset_import for ${PREVIEW_DOMAIN}.`]));
  if (s.version !== VERSION)
    return stop(detailUnsupported(operator, s.origin, `it is read as of version ${VERSION} of a domain that may still change`));
  const site = { ...operator, since: VERSION, origin: s.origin, inputs: s.inputs, outputs: s.outputs, attributes: s.attributes };
  const n = new OnnxNode({ ...site, readExternal: undefined }, s.session);
  const y = flexAttentionOf(s, n);
  if (isUnknown(y)) return [y];
  const elem = n.elem(0);
  s.session.warnings.narrowed(elem, s.origin);
  return [{ known: true, name: s.outputs[0] ?? '', elem, shape: n.typeOf(y).shape, wire: y }];
};
