import { invariant } from '../../support/index.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../source-folder.ts';

let files: readonly SourceFile[] | undefined;

/** The Verilog of the core and what it includes: the same for all programs. */
export const rtlFiles = (): readonly SourceFile[] =>
  (files ??= sourceFiles(sourceFolder('fpga/rtl/', 'cx_registers.vh'), /^cx_\w+[.]vh?$/));

export interface Ports {
  /** Declarations, with the parentheses. */
  readonly text: string;
  readonly names: readonly string[];
}

/** Ports of cx_core, for modules that have the same. */
export const corePorts = (): Ports => {
  const core = rtlFiles().find((f) => f.name === 'cx_core.v');
  const text = /\)\s*(\(\n[\s\S]*?\n\));/.exec(core?.text ?? '')?.[1];
  invariant(text !== undefined, 'cx_core has ports behind its parameters');
  return { text, names: Array.from(text.matchAll(/(?:input|output)\s+wire\s+(?:\[[^\]]*\]\s*)?(\w+)/g), ([, name]) => name ?? '') };
};
