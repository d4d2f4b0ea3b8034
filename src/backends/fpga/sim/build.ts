import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, MrlError, ok, type Result, sha256Hex, unwrap } from '../../../support/index.ts';
import type { Cache } from '../../cpu/cache/cache.ts';
import { causeOf, inTemporaryFolder, isSystemError, readIfThere } from '../../cpu/cache/files.ts';
import { machineText } from '../../machine.ts';
import type { Environment } from '../../programs.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { registersHeader } from '../driver/registers-text.ts';
import { type CoreConfig, verilogParameters } from '../isa/config.ts';
import { rtlFiles } from '../rtl-files.ts';
import { findTool, type HdlTool, runTool } from './toolchain.ts';

export interface SimulatorOptions {
  readonly cache: Cache;
  readonly env?: Environment;
  /** Verilog in place of the core's own, for planted faults and netlists; the top module is cx_core all the same. */
  readonly rtl?: readonly SourceFile[];
  /** Not optimised by the C++ compiler: for netlists, which are 100 MB of C++ and run once. */
  readonly quick?: boolean;
}

const PROGRAM = 'cx_sim';
const TOP = 'cx_core';

/** C++ of the testbench. */
export const benchFiles = (): readonly SourceFile[] => sourceFiles(sourceFolder('fpga/bench/', 'cx_sim.cpp'), /^cx_\w+[.](cpp|h)$/);

const flagsOf = (config: CoreConfig, quick: boolean): readonly string[] => [
  '--cc',
  '--exe',
  '--build',
  '-j',
  '2',
  '-O3',
  '--x-assign',
  'fast',
  '--x-initial',
  'fast',
  '--noassert',
  '-Wno-fatal',
  '-CFLAGS',
  '-std=c++17 -march=native -I..',
  '-MAKEFLAGS',
  `OPT_FAST=${quick ? '-O0' : '-O2'}`,
  '--top-module',
  TOP,
  ...Object.entries(verilogParameters(config)).map(([name, value]) => `-G${name}=${value}`),
];

const build = (tool: HdlTool, flags: readonly string[], files: readonly SourceFile[], draft: string): string =>
  inTemporaryFolder((work) => {
    for (const { name, text } of files) writeFileSync(join(work, name), text);
    const named = files.map((f) => f.name).filter((name) => /[.](v|cpp)$/.test(name));
    unwrap(runTool(tool, [...flags, '-Mdir', 'build', '-o', PROGRAM, ...named], work));
    copyFileSync(join(work, 'build', PROGRAM), join(draft, PROGRAM));
    return sha256Hex(readFileSync(join(draft, PROGRAM)));
  });

/**
 * The simulator of a core: from the cache, else built by verilator and the C++ compiler, which takes a quarter of a minute.
 * Errors: FPG0030 no verilator, FPG0031 it fails, NAT0007 nowhere to write. @returns its path
 */
export const buildSimulator = (config: CoreConfig, { cache, env, rtl = rtlFiles(), quick = false }: SimulatorOptions): Result<string> => {
  const tool = findTool('verilator', env);
  if (!tool.ok) return tool;
  const files = [...rtl, ...benchFiles(), { name: 'cxf_registers.h', text: registersHeader() }];
  const flags = flagsOf(config, quick);
  const texts = files.flatMap(({ name, text }) => [`${name} ${text.length}\n`, text]);
  // code for this processor: a cache may be shared between machines
  const key = sha256Hex(JSON.stringify(['fpga-sim', tool.value.id, machineText(), flags]), ...texts);
  const found = cache.find('programs', key);
  if (found !== undefined) {
    const path = join(found.folder, PROGRAM);
    const content = readIfThere(path);
    if (content !== undefined && sha256Hex(content) === found.record) return ok(path);
    cache.drop('programs', key, 'the simulator does not have the digest that was recorded');
  }
  try {
    return ok(join(cache.make('programs', key, (draft) => build(tool.value, flags, files, draft)).folder, PROGRAM));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    if (!isSystemError(error)) throw error;
    const notes = ['Make room, or name a folder with room in CORTEXC_CACHE.'];
    return fail(diagnostic('NAT0007', `the simulator cannot be written: ${causeOf(error)}`, { where: cache.folder, notes }));
  }
};
