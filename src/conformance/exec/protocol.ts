import {
  type AnyAttrs,
  type AttrScalar,
  DTYPE_INFO,
  elementCount,
  isOpName,
  type OpName,
  type StaticType,
  type Tensor,
  tensorBytes,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { fromBase64, toBase64 } from '../base64.ts';

/** docs/conformance-protocol.md: one JSON object a line, UTF-8, in both directions. */
export const PROTOCOL = 'cortexc-conformance';
export const PROTOCOL_VERSION = 1;

/** What the program under test says about itself. */
export interface Hello {
  readonly name: string;
  /** Ops that it wants to be tested on. */
  readonly ops: ReadonlySet<OpName> | 'all';
  /** It refuses uses that break a constraint, and wants to be tested on that. */
  readonly refusals: boolean;
}

export type Reply =
  | { readonly kind: 'results'; readonly results: readonly Tensor[] }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'wrong'; readonly problem: string };

export const greeting = (version: string): string => JSON.stringify({ protocol: PROTOCOL, version: PROTOCOL_VERSION, cortexc: version });

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parse = (line: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Text of a program, as far as it is shown. */
const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)} ...` : text);

/** The answer to the greeting, or what is wrong with it. */
export const readHello = (line: string): Hello | string => {
  const value = parse(line);
  if (value === undefined) return `it answers the greeting with ${shown(line)}, which is not a JSON object`;
  const { protocol, version, name, ops, refusals } = value;
  if (protocol !== PROTOCOL) return `it answers the greeting with protocol ${JSON.stringify(protocol)}, not ${PROTOCOL}`;
  if (version !== PROTOCOL_VERSION)
    return `it speaks version ${JSON.stringify(version)} of the protocol, this kit version ${PROTOCOL_VERSION}`;
  if (ops !== 'all' && !(Array.isArray(ops) && ops.every((op) => typeof op === 'string')))
    return 'ops is neither "all" nor a list of names';
  const unknown = ops === 'all' ? [] : ops.filter((op: string) => !isOpName(op));
  if (unknown.length > 0) return `it lists ops that do not exist: ${unknown.slice(0, 5).join(', ')}`;
  return {
    name: typeof name === 'string' && name !== '' ? name.slice(0, 80) : 'unnamed',
    ops: ops === 'all' ? 'all' : new Set(ops.filter(isOpName)),
    refusals: refusals === true,
  };
};

/** JSON of an attribute; -0 keeps its sign, which JSON.stringify drops. */
const attrJson = (value: AttrScalar): string => (Object.is(value, -0) ? '-0.0' : JSON.stringify(value));

const attrsJson = (attrs: AnyAttrs): string =>
  `{${Object.entries(attrs)
    .map(([name, value]) => `${JSON.stringify(name)}:${attrJson(value)}`)
    .join(',')}}`;

/** One case as a line. No results: the case has to be refused. */
export const requestLine = (c: {
  readonly id: string;
  readonly op: OpName;
  readonly attrs: AnyAttrs;
  readonly operands: readonly Tensor[];
  readonly results: readonly StaticType[];
}): string => {
  const operands = c.operands.map((t) => ({ dtype: t.dtype, shape: t.shape, data: toBase64(tensorBytes(t)) }));
  const results = c.results.map((t) => ({ dtype: t.dtype, shape: t.shape }));
  const head = JSON.stringify({ id: c.id, op: c.op }).slice(0, -1);
  return `${head},"attrs":${attrsJson(c.attrs)},"operands":${JSON.stringify(operands)},"results":${JSON.stringify(results)}}`;
};

const bytesOf = (type: StaticType): number => elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;

/** Longest reply that a right answer can need, with room for white space and a reason. */
export const replyLimit = (results: readonly StaticType[]): number =>
  results.reduce((n, t) => n + 4 * Math.ceil(bytesOf(t) / 3) + 16, 65_536);

const wrong = (problem: string): Reply => ({ kind: 'wrong', problem });

const readResult = (text: unknown, type: StaticType, index: number): Tensor | string => {
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined;
  if (bytes === undefined) return `result ${index} is not base64`;
  const wanted = bytesOf(type);
  if (bytes.length !== wanted) return `result ${index} has ${bytes.length} bytes, not ${wanted}`;
  return { ...type, data: DTYPE_INFO[type.dtype].view(bytes.buffer, 0, elementCount(type.shape)) };
};

/** The reply to a case. */
export const readReply = (line: string, id: string, types: readonly StaticType[]): Reply => {
  const value = parse(line);
  if (value === undefined) return wrong(`the reply ${shown(line)} is not a JSON object`);
  if (value['id'] !== id) return wrong(`the reply has id ${shown(String(value['id']))}`);
  const { refused, results } = value;
  if (typeof refused === 'string') return { kind: 'refused', reason: refused.slice(0, 500) };
  if (!Array.isArray(results)) return wrong('the reply has neither results nor refused');
  if (types.length > 0 && results.length !== types.length) return wrong(`the reply has ${results.length} results, not ${types.length}`);
  const tensors: Tensor[] = [];
  for (const [i, type] of types.entries()) {
    const tensor = readResult(at(results as unknown[], i), type, i);
    if (typeof tensor === 'string') return wrong(tensor);
    tensors.push(tensor);
  }
  return { kind: 'results', results: tensors };
};
