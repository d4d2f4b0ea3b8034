import type { Suite } from '../rows.ts';
import { accuracy } from './accuracy.ts';
import { calibration } from './calibration.ts';
import { compile } from './compile.ts';
import { cpu } from './cpu.ts';
import { digits } from './digits.ts';
import { endorphin } from './endorphin.ts';
import { fpga } from './fpga.ts';
import { gpu } from './gpu.ts';
import { iso } from './iso.ts';
import { light } from './light.ts';
import { node } from './node.ts';
import { storage } from './storage.ts';
import { trained } from './trained.ts';
import { wasm } from './wasm.ts';

export const SUITES: readonly Suite[] = [
  digits,
  accuracy,
  calibration,
  compile,
  wasm,
  trained,
  light,
  storage,
  cpu,
  gpu,
  fpga,
  iso,
  node,
  endorphin,
];
