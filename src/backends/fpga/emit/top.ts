import type { SourceFile } from '../../source-folder.ts';
import { type CoreConfig, verilogParameters } from '../isa/config.ts';
import { corePorts } from '../rtl-files.ts';

export const TOP = 'cx_top';

/** cx_top.v: cx_core with the parameters of a configuration, so that no tool has to be told any. */
export const topModule = (config: CoreConfig): SourceFile => {
  const { text, names } = corePorts();
  const parameters = Object.entries(verilogParameters(config)).map(([name, value]) => `.${name}(${value})`);
  const connections = names.map((name) => `.${name}(${name})`);
  return {
    name: `${TOP}.v`,
    text: `// The core as this folder needs it. Written by cortexc.
\`timescale 1ns/1ps
\`default_nettype none

module ${TOP} ${text};
    cx_core #(
        ${parameters.join(',\n        ')}
    ) core (
        ${connections.join(',\n        ')}
    );
endmodule

\`default_nettype wire
`,
  };
};
