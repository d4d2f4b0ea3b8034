import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canonicalPieces, type Program, type Tensor } from '../../../ir/index.ts';
import { diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import type { AsyncExecutable } from '../../backend.ts';
import { sharedCache } from '../../cpu/cache/cache.ts';
import { misfits } from '../../cpu/port-tensors.ts';
import type { Environment } from '../../programs.ts';
import { type CudaOptions, engineOf } from '../cuda/compile.ts';
import type { GpuProgram } from '../cuda/program.ts';
import { cudaSource } from '../cuda/source.ts';
import { buildModules } from '../toolchain/modules.ts';
import type { Answer, At, Request } from './apart-protocol.ts';
import type { DeviceInfo } from './device.ts';
import type { Platform } from './functions.ts';
import { describePlace, lateError, type LaunchPlace, timeLimit } from './host.ts';

export interface ApartOptions extends CudaOptions {
  /** The compiled apart-main.ts; beside this file when absent. */
  readonly main?: URL;
}

/** What a process may take besides the time of a run: loading a driver, filling memory. */
const GRACE_MS = 30_000;
/** Of what a process writes to stderr the end is kept. */
const STDERR_BYTES = 2000;
const PIECE_BYTES = 1 << 24;

const NOTES: readonly string[] = ['Only the process of the program is affected. Other backends give the same bytes: --fallback names one.'];

const endedError = (how: string, stderr: string, place: LaunchPlace | undefined): MrlError => {
  const at = place === undefined ? '' : ` in ${describePlace(place)}`;
  const last = stderr.trim().split('\n').slice(-3).join('\n');
  return new MrlError([
    diagnostic('GPU0013', `the process of the program ended${at}: ${how}${last === '' ? '' : `\n${last}`}`, { notes: NOTES }),
  ]);
};

/** A process with a driver. It is asked one thing at a time. */
class Apart {
  private readonly child: ChildProcess;
  private stderr = '';
  private waiting: ((answer: Answer | { readonly kind: 'ended' | 'late'; readonly how: string }) => void) | undefined;
  private ended: string | undefined;
  /** The kernel that was told last. */
  place: LaunchPlace | undefined;
  private readonly onExit = (): void => this.end();

  constructor(main: string, env: Environment) {
    this.child = spawn(process.execPath, [main], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...env },
    });
    this.child.stderr?.on('data', (chunk: Uint8Array) => {
      this.stderr = (this.stderr + new TextDecoder().decode(chunk)).slice(-STDERR_BYTES);
    });
    this.child.on('message', (message) => {
      const said = message as Answer | At;
      if (said.kind === 'at') this.place = said.place;
      else this.tell(said);
    });
    this.child.on('error', (error) => this.stopped(error.message));
    this.child.on('close', (status, signal) => this.stopped(signal === null ? `exit code ${status ?? 'none'}` : `signal ${signal}`));
    process.once('exit', this.onExit);
  }

  private stopped(how: string): void {
    this.ended ??= how;
    this.tell({ kind: 'ended', how: this.ended });
  }

  private tell(answer: Parameters<NonNullable<typeof this.waiting>>[0]): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(answer);
  }

  /** Hands over what is not answered. */
  give(request: Request): void {
    // a broken pipe shows as the end of the process
    if (this.ended === undefined) this.child.send(request, () => undefined);
  }

  /**
   * @throws {MrlError} what the process says; GPU0008 after the time; GPU0013 when it ends
   * @param late - what to throw after the time
   */
  async ask<K extends Answer['kind']>(
    request: Request,
    kind: K,
    limitMs: number,
    late: () => MrlError,
  ): Promise<Extract<Answer, { kind: K }>> {
    const { ended } = this;
    if (ended !== undefined) throw endedError(ended, this.stderr, this.place);
    const answer = await new Promise<Parameters<NonNullable<typeof this.waiting>>[0]>((resolve) => {
      const timer = setTimeout(() => this.tell({ kind: 'late', how: '' }), limitMs);
      this.waiting = (got) => {
        clearTimeout(timer);
        resolve(got);
      };
      this.give(request);
    });
    if (answer.kind === 'late') throw late();
    if (answer.kind === 'ended') throw endedError(answer.how, this.stderr, this.place);
    if (answer.kind === 'failed')
      throw answer.diagnostics.length > 0 ? new MrlError(answer.diagnostics) : endedError(answer.text, this.stderr, this.place);
    if (answer.kind !== kind) throw endedError(`it answers ${answer.kind}`, this.stderr, this.place);
    return answer as Extract<Answer, { kind: K }>;
  }

  /** Ends the process, whatever it does. */
  end(): void {
    process.removeListener('exit', this.onExit);
    this.ended ??= 'it was ended';
    this.child.kill('SIGKILL');
  }
}

/** A program as it is handed to processes. */
interface Prepared {
  readonly program: GpuProgram;
  readonly images: readonly Uint8Array[];
  readonly device: DeviceInfo;
  readonly timeoutMs: number;
}

const open = async (process_: Apart, prepared: Prepared, traced: boolean): Promise<void> => {
  const { program, images, device, timeoutMs } = prepared;
  program.file.forEach(({ content }, part) => {
    for (const piece of content instanceof Uint8Array ? [content] : canonicalPieces(content))
      for (let at = 0; at < piece.length; at += PIECE_BYTES)
        // a copy: what is behind a piece is not sent along
        process_.give({ kind: 'piece', part, bytes: piece.slice(at, at + PIECE_BYTES) });
  });
  const bare = { ...program, units: [], file: program.file.map((part) => ({ ...part, content: new Uint8Array(0) })) };
  await process_.ask({ kind: 'open', start: { program: bare, images, timeoutMs, traced } }, 'opened', timeoutMs + GRACE_MS, () =>
    lateError(device, timeoutMs + GRACE_MS, process_.place),
  );
};

/** How much later than the process itself this one gives up a run: a driver that does not come back says nothing. */
const LATER_MS = 2000;

const runIn = async (
  process_: Apart,
  { device, timeoutMs }: Prepared,
  inputs: readonly Tensor[],
  limitMs: number,
): Promise<readonly Tensor[]> =>
  (await process_.ask({ kind: 'run', inputs }, 'results', limitMs + LATER_MS, () => lateError(device, timeoutMs, process_.place))).outputs;

/** What a program does to a process when it fails there; other problems are told as they are. */
const isOfKernels = (error: MrlError): boolean =>
  error.diagnostics.some(({ code }) => code === 'GPU0007' || code === 'GPU0008' || code === 'GPU0013');

/** A program in a process of its own. */
class ApartExecutable {
  private readonly prepared: Prepared;
  private readonly start: () => Apart;
  private current: Apart | undefined;
  private lost: MrlError | undefined;

  constructor(prepared: Prepared, current: Apart, start: () => Apart) {
    this.prepared = prepared;
    this.current = current;
    this.start = start;
  }

  /** The same in another process, kernel by kernel: which of them it is. The error as it was when it does not happen again. */
  async located(error: MrlError, inputs: readonly Tensor[] | undefined): Promise<MrlError> {
    const traced = this.start();
    const { prepared } = this;
    try {
      await traced.ask({ kind: 'device', platform: prepared.device.platform }, 'device', GRACE_MS, () => error);
      await open(traced, prepared, true);
      // every kernel has the time of a run, but the search has to end
      if (inputs !== undefined) await runIn(traced, prepared, inputs, 2 * prepared.timeoutMs + GRACE_MS);
      return error;
    } catch (again) {
      return again instanceof MrlError && isOfKernels(again) && traced.place !== undefined ? again : error;
    } finally {
      traced.end();
    }
  }

  /** @throws {MrlError} */
  async run(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const { prepared, current } = this;
    const problems = misfits(prepared.program.inputs, inputs);
    if (problems.length > 0) throw new MrlError(problems);
    if (current === undefined)
      throw new MrlError([
        diagnostic('GPU0009', `the program cannot run: ${this.lost?.diagnostics[0]?.message ?? 'it was closed'}`, {
          where: prepared.device.name,
          notes: ['Compile it again, or use another backend.'],
        }),
      ]);
    try {
      return await runIn(current, prepared, inputs, prepared.timeoutMs);
    } catch (error) {
      if (!(error instanceof MrlError) || !isOfKernels(error)) throw error;
      current.end();
      this.current = undefined;
      this.lost = await this.located(error, inputs);
      throw this.lost;
    }
  }

  close(): void {
    this.current?.end();
    this.current = undefined;
  }
}

/** What a process of its own finds, with the program compiled for it. */
const prepare = async (source: Program, options: ApartOptions, platform: Platform, asked: Apart): Promise<Result<Prepared>> => {
  const { cache = sharedCache(), env = process.env } = options;
  const timeoutMs = timeLimit(options.timeoutMs);
  const none = { name: platform };
  const { device, isFake } = await asked.ask({ kind: 'device', platform }, 'device', GRACE_MS, () => lateError(none, GRACE_MS));
  const written = cudaSource(source, options.source ?? { kernels: { engine: engineOf(device) } });
  if (!written.ok) return written;
  const images = buildModules(written.value, device, { cache, fake: isFake, env });
  return images.ok ? ok({ program: written.value, images: images.value, device, timeoutMs }) : images;
};

/**
 * Compiles a program for the GPU of this machine and loads it in a process of its own: a crash, an error that stays or a kernel that never
 * ends kills that one alone, and the kernel is looked for in a second process. Inputs and results are copied through a pipe.
 * Errors: those of `compileProgram`; GPU0013.
 */
export const compileApart = async (source: Program, options: ApartOptions = {}): Promise<Result<AsyncExecutable>> => {
  const { env = process.env, platform = 'cuda', main = new URL('apart-main.js', import.meta.url) } = options;
  const path = fileURLToPath(main);
  if (!existsSync(path))
    return fail(diagnostic('GPU0013', 'the process of the program cannot start: its module is missing', { where: path, notes: NOTES }));
  const start = (): Apart => new Apart(path, env);
  const process_ = start();
  try {
    const prepared = await prepare(source, options, platform, process_);
    if (!prepared.ok) {
      process_.end();
      return prepared;
    }
    const executable = new ApartExecutable(prepared.value, process_, start);
    try {
      await open(process_, prepared.value, false);
    } catch (error) {
      if (!(error instanceof MrlError) || !isOfKernels(error)) throw error;
      process_.end();
      throw await executable.located(error, undefined);
    }
    const { program, device } = prepared.value;
    return ok({
      run: (inputs) => executable.run(inputs),
      device: device.name,
      memory: { parameters: program.residentBytes, arena: program.arenaBytes },
      close: () => executable.close(),
    });
  } catch (error) {
    process_.end();
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};
