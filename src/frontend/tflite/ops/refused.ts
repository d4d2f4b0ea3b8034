import type { OperatorName } from '../schema/operators.ts';
import type { TfliteRefusal } from './row.ts';

/** Why operators are refused. */
const CONTROL = 'control flow over subgraphs is not inlined; unroll the loop or fold the condition before conversion';
const STATE = 'a program has no resources or variables that live from run to run; freeze the variables before conversion';
const HASHES = 'hash tables map strings or numbers of any size; do the look-up before the model';
const RANDOM = 'a program draws from a seed that the caller gives, which TensorFlow Lite models do not have';
const COMPLEX = 'programs have no complex numbers';
const OPEN_SIZE = 'the size of its result depends on values; programs have fixed shapes';
const STABLEHLO = 'it is an operator of StableHLO; convert the model with the TensorFlow Lite builtin operators';
const RARE = 'it has no importer';

const refuse = <const N extends OperatorName>(names: readonly N[], refused: string): { readonly [K in N]: TfliteRefusal } =>
  Object.fromEntries(names.map((name) => [name, { refused }])) as { readonly [K in N]: TfliteRefusal };

export const refused = {
  ...refuse(['IF', 'WHILE', 'CALL', 'CALL_ONCE'], CONTROL),
  ...refuse(['VAR_HANDLE', 'READ_VARIABLE', 'ASSIGN_VARIABLE'], STATE),
  ...refuse(['HASHTABLE', 'HASHTABLE_FIND', 'HASHTABLE_IMPORT', 'HASHTABLE_SIZE', 'HASHTABLE_LOOKUP'], HASHES),
  ...refuse(['RANDOM_STANDARD_NORMAL', 'RANDOM_UNIFORM', 'MULTINOMIAL', 'STABLEHLO_RNG_BIT_GENERATOR'], RANDOM),
  ...refuse(['RFFT2D', 'IMAG', 'REAL', 'COMPLEX_ABS'], COMPLEX),
  ...refuse(['UNIQUE'], OPEN_SIZE),
  ...refuse(
    ['LSH_PROJECTION', 'SKIP_GRAM', 'EMBEDDING_LOOKUP_SPARSE', 'CONCAT_EMBEDDINGS'],
    'it works on text or on hashed features; do that before the model',
  ),
  ...refuse(['SPARSE_TO_DENSE', 'DENSIFY'], 'sparse tensors are not supported; convert the model without sparsity'),
  ...refuse(['BIDIRECTIONAL_SEQUENCE_RNN', 'BIDIRECTIONAL_SEQUENCE_LSTM'], 'convert the two directions as operators of their own'),
  ...refuse(['MATRIX_DIAG', 'MATRIX_SET_DIAG', 'BUCKETIZE', 'DILATE', 'REDUCE_WINDOW'], RARE),
  DELEGATE: { refused: 'it stands for operators that a delegate took over; use the model before it was delegated' },
  CUSTOM: { refused: 'it is a custom operator, whose meaning is not in the file' },
  PLACEHOLDER_FOR_GREATER_OP_CODES: { refused: 'it is no operator: the place of codes above 127 in old files' },
  ...refuse(
    [
      'STABLEHLO_LOGISTIC',
      'STABLEHLO_ADD',
      'STABLEHLO_DIVIDE',
      'STABLEHLO_MULTIPLY',
      'STABLEHLO_MAXIMUM',
      'STABLEHLO_RESHAPE',
      'STABLEHLO_CLAMP',
      'STABLEHLO_CONCATENATE',
      'STABLEHLO_BROADCAST_IN_DIM',
      'STABLEHLO_CONVOLUTION',
      'STABLEHLO_SLICE',
      'STABLEHLO_CUSTOM_CALL',
      'STABLEHLO_REDUCE',
      'STABLEHLO_ABS',
      'STABLEHLO_AND',
      'STABLEHLO_COSINE',
      'STABLEHLO_EXPONENTIAL',
      'STABLEHLO_FLOOR',
      'STABLEHLO_LOG',
      'STABLEHLO_MINIMUM',
      'STABLEHLO_NEGATE',
      'STABLEHLO_OR',
      'STABLEHLO_POWER',
      'STABLEHLO_REMAINDER',
      'STABLEHLO_RSQRT',
      'STABLEHLO_SELECT',
      'STABLEHLO_SUBTRACT',
      'STABLEHLO_TANH',
      'STABLEHLO_SCATTER',
      'STABLEHLO_COMPARE',
      'STABLEHLO_CONVERT',
      'STABLEHLO_DYNAMIC_SLICE',
      'STABLEHLO_DYNAMIC_UPDATE_SLICE',
      'STABLEHLO_PAD',
      'STABLEHLO_IOTA',
      'STABLEHLO_DOT_GENERAL',
      'STABLEHLO_REDUCE_WINDOW',
      'STABLEHLO_SORT',
      'STABLEHLO_WHILE',
      'STABLEHLO_GATHER',
      'STABLEHLO_TRANSPOSE',
      'STABLEHLO_COMPOSITE',
      'STABLEHLO_SHIFT_LEFT',
      'STABLEHLO_CBRT',
      'STABLEHLO_CASE',
    ],
    STABLEHLO,
  ),
} as const;
