import type { LayerRefusal, LayerTable } from '../../layer-graph.ts';
import { activation } from './activation.ts';
import { conv } from './conv.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { linearRows } from './linear.ts';
import { pool } from './pool.ts';
import { recurrentRows } from './recurrent.ts';
import { reduce } from './reduce.ts';
import { shape } from './shape.ts';
import { spatialRows } from './spatial.ts';

const control: LayerRefusal = { refused: 'it depends on values that are known at run time only: branches and loops have no fixed program' };
const random: LayerRefusal = { refused: 'the numbers that torch draws are known to torch only' };
const sizes: LayerRefusal = { refused: 'the shape of its result depends on values' };
const readsOut: LayerRefusal = { refused: 'it takes a number out of a tensor, on which the rest of the model depends' };

const refused = {
  'higher_order.cond': control,
  'higher_order.while_loop': control,
  'higher_order.scan': control,
  'aten.rand': random,
  'aten.randn': random,
  'aten.rand_like': random,
  'aten.randn_like': random,
  'aten.bernoulli': random,
  'aten.nonzero': sizes,
  'aten.unique': sizes,
  'aten.masked_select': sizes,
  'aten._local_scalar_dense': readsOut,
  'aten.item': readsOut,
} as const satisfies LayerTable;

/** How each operator of exported programs is imported; overloads share a row, which tells them apart by their arguments. */
export const ATEN_OPS: LayerTable = {
  ...conv,
  ...pool,
  ...linearRows,
  ...recurrentRows,
  ...activation,
  ...elementwise,
  ...shape,
  ...spatialRows,
  ...reduce,
  ...indexing,
  ...refused,
};
