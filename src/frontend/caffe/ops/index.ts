import type { LayerTable } from '../../layer-graph.ts';
import { conv } from './conv.ts';
import { elementwise } from './elementwise.ts';
import { norm } from './norm.ts';
import { pool } from './pool.ts';
import { recurrent } from './recurrent.ts';
import { resizing } from './resize.ts';
import { shape } from './shape.ts';

const refused = {
  Python: { refused: 'it is code in Python' },
  PythonLayer: { refused: 'it is code in Python' },
  PriorBox: { refused: 'boxes of detectors are not imported; end the net before them' },
  DetectionOutput: { refused: 'boxes of detectors are not imported; end the net before them' },
  Proposal: { refused: 'boxes of detectors are not imported; end the net before them' },
  BatchReindex: { refused: 'the size of its result is known only at run time' },
  Filter: { refused: 'the size of its result is known only at run time' },
} as const satisfies LayerTable;

/** Types of layers: those of BVLC/caffe, and those of forks that mean one thing everywhere. */
export const CAFFE_LAYERS: LayerTable = { ...conv, ...pool, ...norm, ...elementwise, ...shape, ...resizing, ...recurrent, ...refused };
