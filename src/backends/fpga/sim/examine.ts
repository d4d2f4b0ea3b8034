import type { MachineFact } from '../../backend.ts';
import type { Environment } from '../../programs.ts';
import { findTool, type ToolName, toolVersion } from './toolchain.ts';

const factOf = (name: ToolName, env: Environment | undefined): MachineFact => {
  const tool = findTool(name, env);
  const version = tool.ok ? toolVersion(tool.value) : tool;
  if (version.ok) return { name, value: version.value };
  const [problem] = version.diagnostics;
  const value = tool.ok ? `${tool.value.path} does not answer` : `none: ${problem?.message ?? ''}`;
  return { name, value, ...(problem === undefined ? {} : { problem: { ...problem, severity: 'warning' as const } }) };
};

/** The simulators of Verilog on this machine. */
export const examineSimulators = (env?: Environment): readonly MachineFact[] => [factOf('verilator', env), factOf('iverilog', env)];
