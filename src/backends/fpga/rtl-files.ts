import { type SourceFile, sourceFiles, sourceFolder } from '../source-folder.ts';

let files: readonly SourceFile[] | undefined;

/** The Verilog of the core and what it includes: the same for all programs. */
export const rtlFiles = (): readonly SourceFile[] =>
  (files ??= sourceFiles(sourceFolder('fpga/rtl/', 'cx_registers.vh'), /^cx_\w+[.]vh?$/));
