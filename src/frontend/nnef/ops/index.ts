import type { LayerTable } from '../../layer-graph.ts';
import { elementwise } from './elementwise.ts';
import { norm } from './norm.ts';
import { quantize } from './quantize.ts';
import { shape } from './shape.ts';
import { window } from './window.ts';

/** The operations of NNEF 1.0; fragments of the standard are operations here. */
export const NNEF_OPERATIONS: LayerTable = { ...elementwise, ...shape, ...window, ...norm, ...quantize };
