import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invariant, ok, type Result } from '../../../support/index.ts';
import { type CoreConfig, verilogParameters } from '../isa/config.ts';
import { corePorts, rtlFiles } from '../rtl-files.ts';
import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';
import { kept, readDesign, runYosys, type SynthesisJob, synthesisOf, withFiles } from './yosys.ts';

/** Models of the cells of Cyclone V. */
export const cellModels = (): SourceFile => {
  const [file] = sourceFiles(sourceFolder('fpga/synthesis/cells/', 'cyclonev.v'), /^cyclonev[.]v$/);
  invariant(file !== undefined, 'the cells of Cyclone V have models');
  return file;
};

/**
 * The netlist of a design for Cyclone V as Verilog, its top module renamed to `<top>_gates`; modules that are kept have their names. Errors: FPG0010, FPG0011.
 */
export const netlistOf = (job: Omit<SynthesisJob, 'family'>): Result<SourceFile> =>
  withFiles(job.files, (folder) => {
    const name = `${job.top}_gates`;
    const script = [
      readDesign(job),
      synthesisOf('cyclonev', job.top, job.keep),
      `rename ${job.top} ${name}`,
      'write_verilog -noattr netlist.v',
    ].join('; ');
    const ran = runYosys(script, folder);
    if (!ran.ok) return ran;
    return ok({ name: `${name}.v`, text: readFileSync(join(folder, 'netlist.v'), 'utf8') });
  });

/** Simulators set the parameters of cx_core, of which a netlist has none. */
const parametersText = (config: CoreConfig): string =>
  Object.entries(verilogParameters(config))
    .map(([name, value]) => `parameter ${name} = ${value}`)
    .join(', ');

/**
 * Verilog of a core as gates of Cyclone V: netlist by module, models of cells, and cx_core around the netlist. Errors: FPG0010, FPG0011.
 * @param cache - folder in which netlists are kept
 */
export const coreAsGates = (config: CoreConfig, cache: string): Result<readonly SourceFile[]> => {
  const job = { family: 'cyclonev', top: 'cx_core', files: rtlFiles(), parameters: verilogParameters(config), keep: true } as const;
  const netlist = kept(cache, 'netlist', job, () => netlistOf(job));
  if (!netlist.ok) return netlist;
  const { text, names } = corePorts();
  const connections = names.map((name) => `.${name}(${name})`).join(', ');
  const top = `\`timescale 1ns/1ps\nmodule cx_core #(${parametersText(config)}) ${text};\n  cx_core_gates gates (${connections});\nendmodule\n`;
  return ok([netlist.value, cellModels(), { name: 'cx_core.v', text: top }]);
};
