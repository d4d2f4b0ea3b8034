import { backendCodes } from './backend.ts';
import { cliCodes } from './cli.ts';
import { conformanceCodes } from './conformance.ts';
import { cvmCodes } from './cvm.ts';
import { exportCodes } from './export.ts';
import { fpgaCodes } from './fpga.ts';
import { fuzzCodes } from './fuzz.ts';
import { gpuCodes } from './gpu.ts';
import { importCodes } from './import.ts';
import { internalCodes } from './internal.ts';
import { ioCodes } from './io.ts';
import type { CodeInfo, ExitCode } from './info.ts';
import { irCodes } from './ir.ts';
import { isoCodes } from './iso.ts';
import { mrlCodes } from './mrl.ts';
import { nativeCodes } from './native.ts';
import { nodeCodes } from './node.ts';
import { onnxCodes } from './onnx.ts';
import { quantizeCodes } from './quantize.ts';
import { simCodes } from './sim.ts';
import { tfliteCodes } from './tflite.ts';

export type { CodeInfo, ExitCode } from './info.ts';

/** Every diagnostic code but the constraint labels of ops (`conv_c4`), which are documented with their op. */
export const CODES = {
  ...backendCodes,
  ...cliCodes,
  ...conformanceCodes,
  ...cvmCodes,
  ...exportCodes,
  ...fpgaCodes,
  ...fuzzCodes,
  ...gpuCodes,
  ...importCodes,
  ...internalCodes,
  ...ioCodes,
  ...irCodes,
  ...isoCodes,
  ...mrlCodes,
  ...nativeCodes,
  ...nodeCodes,
  ...onnxCodes,
  ...quantizeCodes,
  ...simCodes,
  ...tfliteCodes,
} as const satisfies Record<string, CodeInfo>;

export type ListedCode = keyof typeof CODES;
export type ConstraintCode = `${string}_c${number}`;
export type Code = ListedCode | ConstraintCode;

/** Exit code for a diagnostic code; a violated op constraint is an input error. */
export const exitCodeOf = (code: Code): ExitCode => (Object.hasOwn(CODES, code) ? CODES[code as ListedCode].exit : 3);
