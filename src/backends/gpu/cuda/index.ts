import type { Backend } from '../../backend.ts';
import { examineCuda } from '../devices.ts';
import { compileApart } from '../driver/apart.ts';
import { compileProgram } from './compile.ts';
import { emitProgram } from './emit.ts';
import { cudaRows } from './rows.ts';

const ROWS = cudaRows();

/** CUDA C++ for NVIDIA's GPUs, built by nvcc and called through the driver. */
export const cudaBackend: Backend = {
  name: 'cuda',
  summary: "CUDA C++ compiled by nvcc for this machine's GPU",
  onRequest: true,
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: ROWS.refusal,
  support: ROWS.support,
  compile: compileProgram,
  compileApart,
  emit: emitProgram,
  examine: examineCuda,
};
