import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStaticType, type StaticType, type Tensor, typeOf } from '../../../ir/index.ts';
import { at, fail, invariant, ok, type Result } from '../../../support/index.ts';
import { inTemporaryFolder } from '../../cpu/cache/files.ts';
import type { Environment } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { findTool, type HdlTool, runTool } from '../sim/toolchain.ts';
import { BENCH } from './bench.ts';
import { simulationEnds } from './diagnostics.ts';
import { BENCH_FRAMES, type DataflowProgram } from './program.ts';
import type { Stream } from './stages.ts';
import { tensorOf, wordsOf } from './words.ts';

export interface SimulationOptions {
  /** Chances of a pause in 256 a cycle, where frames go in and where results come out. */
  readonly stallIn?: number;
  readonly stallOut?: number;
  readonly seed?: number;
  /** Cycles at the start in which no result is taken: all that is before the ends fills up. */
  readonly hold?: number;
  /** Instead of verilator. */
  readonly simulator?: 'verilator' | 'iverilog';
  /** Verilog in place of the library's, by name: planted faults. */
  readonly replaced?: readonly SourceFile[];
  readonly env?: Environment;
}

export interface SimulationResult {
  /** By frame and output. */
  readonly outputs: readonly (readonly Tensor[])[];
  /** Every stream between stages: by stream, one tensor a frame in the order of `program.taps`. */
  readonly taps: readonly (readonly Tensor[])[];
  /** Cycle of the first word in and of the last word out of each frame, of the first input and output. */
  readonly began: readonly number[];
  readonly ended: readonly number[];
}

/** A simulator of a pipeline that was built: frames can be sent through it under several traffics. */
export interface PipelineSimulator {
  readonly run: (frames: readonly (readonly Tensor[])[], options?: SimulationOptions) => Result<SimulationResult>;
}

const buildVerilator = (tool: HdlTool, program: DataflowProgram, folder: string): Result<readonly string[]> => {
  const verilog = [...program.rtl, ...program.bench].map((f) => f.name).filter((n) => n.endsWith('.v') && n !== 'cxd_tb.v');
  const built = runTool(
    tool,
    // prettier-ignore
    [
      '--cc',
      '--exe',
      '--build',
      '-O3',
      '--x-assign',
      'fast',
      '--x-initial',
      'fast',
      '--noassert',
      '-Wno-fatal',
      '-Wno-lint',
      '-DCXD_TAPS',
      '-CFLAGS',
      '-O1',
      '-MAKEFLAGS',
      'OPT_FAST=-O1',
      '-Mdir',
      'build',
      '-o',
      'cxd',
      '--top-module',
      BENCH,
      ...verilog,
      'cxd_main.cpp',
    ],
    folder,
  );
  return built.ok ? ok([join(folder, 'build', 'cxd')]) : built;
};

const buildIverilog = (
  tool: HdlTool,
  program: DataflowProgram,
  folder: string,
  env: Environment | undefined,
): Result<readonly string[]> => {
  const vvp = findTool('vvp', env);
  if (!vvp.ok) return vvp;
  const verilog = [...program.rtl, ...program.bench].map((f) => f.name).filter((n) => n.endsWith('.v'));
  const built = runTool(tool, ['-g2005', '-DCXD_TAPS', '-s', 'cxd_tb', '-o', 'cxd.vvp', ...verilog], folder);
  return built.ok ? ok([vvp.value.path, '-n', join(folder, 'cxd.vvp')]) : built;
};

const build = (program: DataflowProgram, folder: string, options: SimulationOptions): Result<readonly string[]> => {
  const name = options.simulator ?? 'verilator';
  const tool = findTool(name, options.env);
  if (!tool.ok) return tool;
  const replaced = new Map((options.replaced ?? []).map((f) => [f.name, f.text]));
  for (const { name: file, text } of [...program.rtl, ...program.roms, ...program.bench])
    writeFileSync(join(folder, file), replaced.get(file) ?? text);
  return name === 'verilator' ? buildVerilator(tool.value, program, folder) : buildIverilog(tool.value, program, folder, options.env);
};

const typeOfStream = (program: DataflowProgram, stream: Stream): StaticType => {
  const port = program.pipeline.outputs.findIndex((o) => o.stream.value === stream.value);
  const type = port < 0 ? undefined : typeOf(program.source, at(program.source.outputs, port).value);
  return type !== undefined && isStaticType(type) ? type : { dtype: stream.dtype, shape: [stream.count] };
};

const framesOf = (text: string, program: DataflowProgram, stream: Stream, lanes: number, frames: number): readonly Tensor[] | undefined => {
  const words = text.split('\n').filter((line) => line !== '');
  const each = stream.count / lanes;
  if (words.length < frames * each) return undefined;
  return Array.from({ length: frames }, (_, f) =>
    tensorOf(words.slice(f * each, (f + 1) * each), stream, lanes, typeOfStream(program, stream)),
  );
};

const cyclesOf = (said: string, pattern: RegExp): readonly number[] => [...said.matchAll(pattern)].map((m) => Number(m[1]));

const transpose = <T>(lists: readonly (readonly T[])[], count: number): readonly (readonly T[])[] =>
  Array.from({ length: count }, (_, i) => lists.map((list) => at(list, i)));

const runIn = (
  program: DataflowProgram,
  command: readonly string[],
  folder: string,
  frames: readonly (readonly Tensor[])[],
  { stallIn = 0, stallOut = 0, seed = 1, hold = 0 }: SimulationOptions,
): Result<SimulationResult> => {
  invariant(frames.length <= BENCH_FRAMES, `a bench has room for ${BENCH_FRAMES} frames`);
  program.pipeline.inputs.forEach(({ stream }, i) => {
    const lines = frames.flatMap((frame) => wordsOf(at(frame, i), stream, at(program.inputLanes, i)));
    writeFileSync(join(folder, `input${i}.hex`), `${lines.join('\n')}\n`);
  });
  const limit = 4 * program.timing.interval + program.timing.latency + hold + 10_000;
  const traffic = [
    `+frames=${frames.length}`,
    `+stall_in=${stallIn}`,
    `+stall_out=${stallOut}`,
    `+seed=${seed}`,
    `+hold=${hold}`,
    `+limit=${limit}`,
    `+drain=${program.timing.interval}`,
  ];
  const [path = '', ...args] = command;
  const said = runTool({ name: 'vvp', path, id: '' }, [...args, ...traffic], folder);
  if (!said.ok) return said;
  const lines = said.value.split('\n');
  const wrong = lines.find((line) => /^cxd_(bench: (stuck|frame|wrong)|layer)/.test(line));
  if (wrong !== undefined || !said.value.includes('cxd_bench: done'))
    return fail(simulationEnds(wrong ?? 'the bench does not come to its end'));
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const outputs = program.pipeline.outputs.map(({ stream }, i) =>
    framesOf(read(`output${i}.txt`), program, stream, at(program.outputLanes, i), frames.length),
  );
  const taps = program.taps.map(({ file, stream, lanes }) => framesOf(read(file), program, stream, lanes, frames.length));
  if (!outputs.every((o) => o !== undefined) || !taps.every((t) => t !== undefined))
    return fail(simulationEnds('a stream has fewer words than its frames'));
  return ok({
    outputs: transpose(outputs, frames.length),
    taps,
    began: cyclesOf(said.value, /^cxd_bench: in 0 (\d+)$/gm),
    ended: cyclesOf(said.value, /^cxd_bench: out 0 (\d+)$/gm),
  });
};

/**
 * Builds the simulator of a pipeline, gives it to `use`, and removes it. Errors: FPG0030, FPG0031 (the simulator), FPG0043.
 */
export const withSimulator = <T>(
  program: DataflowProgram,
  options: SimulationOptions,
  use: (simulator: PipelineSimulator) => Result<T>,
): Result<T> =>
  inTemporaryFolder((folder) => {
    const command = build(program, folder, options);
    if (!command.ok) return command;
    return use({ run: (frames, traffic = options) => runIn(program, command.value, folder, frames, traffic) });
  });
