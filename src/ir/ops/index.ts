import type { AttrsInput, AttrsOf } from '../attr.ts';
import type { AnyOp } from '../schema.ts';
import { aggregate } from './aggregate.ts';
import { arithmetic } from './arithmetic.ts';
import { attention } from './attention.ts';
import { blocks } from './blocks.ts';
import { columns } from './columns.ts';
import { contraction } from './contraction.ts';
import { conv } from './conv.ts';
import { detection } from './detection.ts';
import { fixed } from './fixed.ts';
import { formats } from './formats.ts';
import { indexing } from './indexing.ts';
import { integer } from './integer.ts';
import { layout } from './layout.ts';
import { linear } from './linear.ts';
import { logic } from './logic.ts';
import { matmul } from './matmul.ts';
import { norm } from './norm.ts';
import { normalize } from './normalize.ts';
import { pool } from './pool.ts';
import { pooling } from './pooling.ts';
import { probability } from './probability.ts';
import { quantized } from './quantized.ts';
import { random } from './random.ts';
import { recurrent } from './recurrent.ts';
import { reduce } from './reduce.ts';
import { sampling } from './sampling.ts';
import { scan } from './scan.ts';
import { scatter } from './scatter.ts';
import { shape } from './shape.ts';
import { sorting } from './sorting.ts';
import { spatial } from './spatial.ts';
import { trigonometry } from './trigonometry.ts';
import { unary } from './unary.ts';
import { view } from './view.ts';

/** The one list of ops. A family's rows in a backend stand in the file of the same name. */
export const FAMILIES = {
  aggregate,
  arithmetic,
  attention,
  blocks,
  columns,
  contraction,
  conv,
  detection,
  fixed,
  formats,
  indexing,
  integer,
  layout,
  linear,
  logic,
  matmul,
  norm,
  normalize,
  pool,
  pooling,
  probability,
  quantized,
  random,
  recurrent,
  reduce,
  sampling,
  scan,
  scatter,
  shape,
  sorting,
  spatial,
  trigonometry,
  unary,
  view,
} as const;

export const OPS = {
  ...aggregate,
  ...arithmetic,
  ...attention,
  ...blocks,
  ...columns,
  ...contraction,
  ...conv,
  ...detection,
  ...fixed,
  ...formats,
  ...indexing,
  ...integer,
  ...layout,
  ...linear,
  ...logic,
  ...matmul,
  ...norm,
  ...normalize,
  ...pool,
  ...pooling,
  ...probability,
  ...quantized,
  ...random,
  ...recurrent,
  ...reduce,
  ...sampling,
  ...scan,
  ...scatter,
  ...shape,
  ...sorting,
  ...spatial,
  ...trigonometry,
  ...unary,
  ...view,
} as const;

export type Ops = typeof OPS;
export type OpName = keyof Ops;
export type PrimitiveName = { [K in OpName]: Ops[K]['kind'] extends 'primitive' ? K : never }[OpName];
export type Attrs<K extends OpName> = AttrsOf<Ops[K]['attrs']>;
export type AttrsIn<K extends OpName> = AttrsInput<Ops[K]['attrs']>;

export const OP_NAMES: readonly OpName[] = (Object.keys(OPS) as OpName[]).sort((a, b) => OPS[a].code - OPS[b].code);
export const isOpName = (name: string): name is OpName => Object.hasOwn(OPS, name);

/** The definition of an op without its specific types. */
export const opOf = (name: OpName): AnyOp => OPS[name] as unknown as AnyOp;

const BY_CODE: ReadonlyMap<number, OpName> = new Map(
  OP_NAMES.flatMap((n) =>
    [OPS[n].code, ...(opOf(n).added === undefined ? [] : [opOf(n).added?.code ?? 0])].map((code) => [code, n] as const),
  ),
);
/** The op with this bytecode number, its own or the one for uses with its added attribute. */
export const opByCode = (code: number): OpName | undefined => BY_CODE.get(code);
