import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { findProgram } from '../../programs.ts';
import { CORE_ERRORS, REGISTERS } from '../isa/registers.ts';
import { registersHeader, registersMarkdown } from './registers-text.ts';
import { driverFiles } from './sources.ts';

const gcc = findProgram('gcc', process.env) ?? findProgram('cc', process.env);
if (gcc === undefined)
  console.warn('The C driver of the FPGA core is not compiled: there is no C compiler (Debian: apt-get install gcc libc6-dev).');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-fpga-driver-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
for (const { name, text } of driverFiles()) writeFileSync(join(folder, name), text);

const STRICT = ['-std=c99', '-pedantic', '-O1', '-Wall', '-Wextra', '-Werror', '-Wconversion', '-Wshadow'];
const compile = (...args: string[]): string =>
  execFileSync(gcc ?? '', [...STRICT, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

/** What testing/fake_core.c has to say. */
const EXPECTED = `open, no core: 100 There is no core at this address: register ID has another value.
open, other version: 101 The core, the image and the driver are of different versions.
open, misaligned: 7 BASE is no multiple of 4096.
open: 0 No error.
base 9 0, limit 8192
run, nothing loaded: 107 No image is loaded.
load, no image: 103 This is no image, or it was cut off.
load, other version: 101 The core, the image and the driver are of different versions.
load, cut off: 103 This is no image, or it was cut off.
load, too small: 102 The memory is smaller than the image needs.
load, no array: 104 The image needs an array, or memories, that this core does not have.
load, too few weights: 104 The image needs an array, or memories, that this core does not have.
load: 0 No error.
cleared 0, beyond 255, flushed 0 to 512
input, wrong size: 109 The tensor has another number of bytes.
input, outside: 109 The tensor has another number of bytes.
input: 0 No error.
start: 0 No error.
start again: 105 A run is on.
poll: 105 A run is on.
output, too early: 105 A run is on.
wait: 0 No error.
output: 0 No error.
bytes 2 3 4 0, interrupt 1 then 0
cycles 4294967301
timeout: 0 No error.
units 2
bus error: 10 The memory answered a read with an error.
info 160: offset of the burst
hang: 106 The run was given up and the core reset.
run after that: 107 No image is loaded.
unknown: 999 A code that this driver does not know.
`;

describe('driver in C', () => {
  (gcc === undefined ? test.skip : test)('compiles without a warning, and does what it says on a model of the registers', () => {
    const fake = fileURLToPath(new URL('./testing/fake_core.c', import.meta.url));
    compile('-c', 'cxf_mmio.c', '-o', 'cxf_mmio.o');
    compile('-c', 'cxf_uio.c', '-o', 'cxf_uio.o');
    compile('-Wno-conversion', `-I${folder}`, fake, 'cxf.c', '-o', 'fake');
    expect(execFileSync(join(folder, 'fake'), { encoding: 'utf8' })).toBe(EXPECTED);
  });

  test('header and document have every register, field and error', () => {
    const header = registersHeader();
    const markdown = registersMarkdown();
    for (const r of REGISTERS) {
      expect(header).toContain(`#define CXF_REG_${r.name} 0x${r.offset.toString(16).padStart(2, '0')}u`);
      expect(markdown).toContain(`| ${r.name} |`);
      for (const f of 'fields' in r ? r.fields : []) expect(header).toContain(`#define CXF_${r.name}_${f.name} 0x`);
    }
    for (const e of CORE_ERRORS) expect(header).toContain(`#define CXF_ERR_${e.name} ${e.code}`);
    expect(header).toContain('#define CXF_VERSION_REGISTERS 0xffff0000u');
  });
});
