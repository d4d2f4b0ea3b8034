import type { DType } from '../../../ir/index.ts';
import type { EmittedFile } from '../../backend.ts';
import type { FpgaPort, FpgaProgram } from '../program.ts';

/** Types of the driver in C by dtype. */
const TYPES: Readonly<Record<DType, string>> = {
  bool: 'CXF_BOOL',
  u8: 'CXF_U8',
  i6: 'CXF_I6',
  i8: 'CXF_I8',
  i16: 'CXF_I16',
  i32: 'CXF_I32',
  f32: 'CXF_F32',
};

const cString = (text: string): string =>
  `"${text.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;

const shapeName = (kind: string, i: number): string => `${kind}_shape_${i}`;

const tensors = (kind: string, ports: readonly FpgaPort[]): string => {
  const shapes = ports.map(
    // a scalar has no axes, and C no empty arrays
    ({ shape }, i) => `static const uint32_t ${shapeName(kind, i)}[] = {${shape.length === 0 ? '1' : shape.join(', ')}};\n`,
  );
  const rows = ports.map(
    (p, i) => `  {${cString(p.name)}, ${TYPES[p.dtype]}, ${p.shape.length}, ${shapeName(kind, i)}, ${p.address}u, ${p.bytes}u},\n`,
  );
  return `${shapes.join('')}static const cxf_tensor ${kind}s[] = {\n${rows.join('')}};\n`;
};

/** cxf_model.h and cxf_model.c: what the driver and the testbench know of the program. */
export const modelFiles = (program: FpgaProgram, imageBytes: number, vectors: number): readonly EmittedFile[] => [
  {
    name: 'driver/cxf_model.h',
    content: `/* ${program.name}: written by cortexc. */
#ifndef CXF_MODEL_H
#define CXF_MODEL_H

#include "cxf.h"

#define CXF_VECTORS ${vectors}u

extern const cxf_model CXF_MODEL;

#endif
`,
  },
  {
    name: 'driver/cxf_model.c',
    content: `/* ${program.name}: written by cortexc. */
#include "cxf_model.h"

${program.inputs.length === 0 ? 'static const cxf_tensor *const inputs = NULL;\n' : tensors('input', program.inputs)}
${tensors('output', program.outputs)}
static const char *const steps[] = {
${program.steps.map(({ place }) => `  ${cString(place)},\n`).join('')}  NULL};

const cxf_model CXF_MODEL = {
    ${cString(program.name)}, ${program.header.limit}u, ${imageBytes}u, ${program.inputs.length}, ${program.outputs.length}, inputs, outputs, ${program.steps.length}, steps};
`,
  },
];
