import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { registersHeader } from './registers-text.ts';

let files: readonly SourceFile[] | undefined;

/** The driver in C with the header of registers: cxf.c for any system, cxf_mmio.c for mapped registers, cxf_uio.c for Linux. */
export const driverFiles = (): readonly SourceFile[] =>
  (files ??= [
    ...sourceFiles(sourceFolder('fpga/driver/c/', 'cxf.c'), /^cxf\w*[.][ch]$/),
    { name: 'cxf_registers.h', text: registersHeader() },
  ]);
