import { OWN_DOMAIN } from '../own-functions.ts';
import { activation } from './activation.ts';
import { arithmetic } from './arithmetic.ts';
import { attention } from './attention.ts';
import { constants } from './constant.ts';
import { conv } from './conv.ts';
import { detection } from './detection.ts';
import { einsum } from './einsum.ts';
import { indexing } from './indexing.ts';
import { logic } from './logic.ts';
import { losses } from './loss.ts';
import { masks } from './mask.ts';
import { matmul } from './matmul.ts';
import { microsoft } from './microsoft.ts';
import { norm } from './norm.ts';
import { own } from './own.ts';
import { pool } from './pool.ts';
import { qonnx } from './qonnx.ts';
import { quantized } from './quantized.ts';
import { quantlib } from './quantlib.ts';
import { random } from './random.ts';
import { recurrent } from './recurrent.ts';
import { reduce } from './reduce.ts';
import { resizing } from './resize.ts';
import type { OnnxOp } from './row.ts';
import { sampling } from './sampling.ts';
import { scan } from './scan.ts';
import { scatter } from './scatter.ts';
import { sequences } from './sequence.ts';
import { shape } from './shape.ts';
import { signal } from './signal.ts';
import { sorting } from './sorting.ts';

export type { OnnxOp } from './row.ts';

/** Every operator of the default domain that can be imported. One that is absent is refused by name (ONX2001). */
export const ONNX_OPS = {
  ...activation,
  ...arithmetic,
  ...attention,
  ...constants,
  ...conv,
  ...detection,
  ...einsum,
  ...indexing,
  ...logic,
  ...losses,
  ...masks,
  ...matmul,
  ...norm,
  ...pool,
  ...quantized,
  ...random,
  ...recurrent,
  ...reduce,
  ...resizing,
  ...sampling,
  ...scan,
  ...scatter,
  ...sequences,
  ...shape,
  ...signal,
  ...sorting,
} as const;

/** Newest opset of the default domain whose operator versions were read for the table. */
export const NEWEST_OPSET = 28;

const table = (ops: Readonly<Record<string, OnnxOp>>): ReadonlyMap<string, OnnxOp> => new Map(Object.entries(ops));
const DOMAINS: ReadonlyMap<string, ReadonlyMap<string, OnnxOp>> = new Map([
  // quantlib writes its operator in several domains, the default one included
  ['', table({ ...ONNX_OPS, ...quantlib })],
  ['ai.onnx.contrib', table(quantlib)],
  ['PACTOps', table(quantlib)],
  ['com.microsoft', table(microsoft)],
  [OWN_DOMAIN, table(own)],
  ['onnx.brevitas', table(qonnx)],
  ['finn.custom_op.general', table(qonnx)],
  ['qonnx.custom_op.general', table(qonnx)],
]);

/** Domains with one version that their writers leave out of opset_import. */
export const UNLISTED_DOMAINS: ReadonlySet<string> = new Set(['onnx.brevitas', 'finn.custom_op.general', 'qonnx.custom_op.general']);

/** An operator of a domain, '' for the default one. */
export const onnxOp = (name: string, domain = ''): OnnxOp | undefined => DOMAINS.get(domain)?.get(name);

const STRINGS = 'Strings are not numbers.';

/** Why operators are refused whose absence is a decision, not a gap. */
export const REFUSAL_NOTES: ReadonlyMap<string, string> = new Map([
  ['SequenceMap', 'The body of a sequence map is not inlined: unroll it before export.'],
  ['TfIdfVectorizer', 'Counts of n-grams belong to the preparation of the input: compute them before the model.'],
  ...['StringNormalizer', 'StringConcat', 'StringSplit', 'RegexFullMatch'].map((op) => [op, STRINGS] as const),
]);
