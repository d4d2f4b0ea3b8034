import type { Backend } from '../../backend.ts';
import { compileProgram } from '../cuda/compile.ts';
import { emitHip } from '../cuda/emit.ts';
import { cudaRows } from '../cuda/rows.ts';
import { examineHip } from '../devices.ts';
import { compileApart } from '../driver/apart.ts';

const ROWS = cudaRows();

/** The same kernels and host as for CUDA: HIP C++ for AMD's GPUs, built by hipcc and called through HIP's library. */
export const hipBackend: Backend = {
  name: 'hip',
  summary: "HIP C++ compiled by hipcc for this machine's AMD GPU",
  onRequest: true,
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: ROWS.refusal,
  support: ROWS.support,
  compile: (program, options) => compileProgram(program, { ...options, platform: 'hip' }),
  compileApart: (program, options) => compileApart(program, { ...options, platform: 'hip' }),
  emit: emitHip,
  examine: examineHip,
};
