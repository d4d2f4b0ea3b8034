import { spawnSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { type Code, type Diagnostic, diagnostic, fail, ok, type Result, sha256Hex } from '../../../support/index.ts';
import { type Environment, findProgram } from '../../programs.ts';

/** A simulator of Verilog on this machine. */
export interface HdlTool {
  readonly name: ToolName;
  /** Absolute path of the command. */
  readonly path: string;
  /** Digest of path, size and time of change: changes when the tool is replaced. Costs no process. */
  readonly id: string;
}

const TOOLS = {
  verilator: { packages: 'verilator g++ make', use: 'The backend fpga-sim translates the core to C++ with verilator.' },
  iverilog: { packages: 'iverilog', use: 'iverilog is the second simulator that the core is compared on.' },
  vvp: { packages: 'iverilog', use: 'vvp runs what iverilog compiles.' },
} as const;
export type ToolName = keyof typeof TOOLS;

/** Finds a simulator: the one that the environment variable of its name in capitals gives, else on PATH. Error: FPG0030. */
export const findTool = (name: ToolName, env: Environment = process.env): Result<HdlTool> => {
  const wanted = env[name.toUpperCase()] ?? name;
  const path = findProgram(wanted, env);
  if (path === undefined) {
    const { packages, use } = TOOLS[name];
    const notes = [`${use} Install it (Debian: apt-get install ${packages}), or name it in ${name.toUpperCase()}.`];
    return fail(diagnostic('FPG0030', wanted === name ? `${name} is not on PATH` : `${wanted} is no program here`, { notes }));
  }
  const real = realpathSync.native(path);
  const { size, mtimeMs } = statSync(real);
  return ok({ name, path, id: sha256Hex(JSON.stringify([path, real, size, mtimeMs])) });
};

const MESSAGE_LINES = 12;
const MAX_MESSAGE_BYTES = 1 << 24;
const TIMEOUT_MS = 15 * 60_000;

/** A diagnostic of a tool that does not do its work, with the lines of its output that name an error, or else the last ones. */
export const toolFailure = (code: Code, what: string, output: string, command: string): Diagnostic => {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /error/i.test(line));
  const told = errors.length === 0 ? lines.slice(-MESSAGE_LINES) : errors.slice(0, MESSAGE_LINES);
  return diagnostic(code, [what, ...told].join('\n'), { notes: [`Command: ${command}`] });
};

/** Runs a tool in a folder. Error: FPG0031 with what it says. @returns its standard output */
export const runTool = (tool: HdlTool, args: readonly string[], folder?: string): Result<string> => {
  const ran = spawnSync(tool.path, args, {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_MESSAGE_BYTES,
  });
  if (ran.status === 0) return ok(ran.stdout);
  const how = ran.error?.message ?? (ran.status === null ? `signal ${ran.signal ?? 'unknown'}` : `status ${ran.status}`);
  return fail(
    toolFailure('FPG0031', `${tool.name} ends with ${how}`, `${ran.stderr ?? ''}${ran.stdout ?? ''}`, [tool.path, ...args].join(' ')),
  );
};

/** First line of what a tool says of its version. */
export const toolVersion = (tool: HdlTool): Result<string> => {
  const said = runTool(tool, [tool.name === 'verilator' ? '--version' : '-V']);
  return said.ok ? ok((said.value.split('\n')[0] ?? '').trim()) : said;
};
