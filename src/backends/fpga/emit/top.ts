import { invariant } from '../../../support/index.ts';
import type { SourceFile } from '../../source-folder.ts';
import { type CoreConfig, verilogParameters } from '../isa/config.ts';

export const TOP = 'cx_top';

/** Text of the ports of cx_core, with the parentheses. */
const portsText = (core: string): string => {
  const ports = /\)\s*(\(\n[\s\S]*?\n\));/.exec(core)?.[1];
  invariant(ports !== undefined, 'cx_core has ports behind its parameters');
  return ports;
};

/** cx_top.v: cx_core with the parameters of a configuration, so that no tool has to be told any. */
export const topModule = (rtl: readonly SourceFile[], config: CoreConfig): SourceFile => {
  const core = rtl.find((f) => f.name === 'cx_core.v');
  invariant(core !== undefined, 'the core has a cx_core.v');
  const ports = portsText(core.text);
  const names = Array.from(ports.matchAll(/(?:input|output)\s+wire\s+(?:\[[^\]]*\]\s*)?(\w+)/g), ([, name]) => name ?? '');
  const parameters = Object.entries(verilogParameters(config)).map(([name, value]) => `.${name}(${value})`);
  const connections = names.map((name) => `.${name}(${name})`);
  return {
    name: `${TOP}.v`,
    text: `// The core as this folder needs it. Written by cortexc.
\`timescale 1ns/1ps
\`default_nettype none

module ${TOP} ${ports};
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
