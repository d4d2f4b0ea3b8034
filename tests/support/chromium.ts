import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { findFirstProgram } from '../../src/backends/programs.ts';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'chromium-headless-shell',
  'chrome-headless-shell',
];
const PLACES = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];

/** Where Chromium is: CORTEXC_CHROMIUM, else the usual names on PATH and the usual places; undefined when it is nowhere. */
export const findChromium = (): string | undefined => {
  const { CORTEXC_CHROMIUM: given } = process.env;
  return given !== undefined && given !== '' ? given : findFirstProgram([...NAMES, ...PLACES], process.env);
};

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** What an evaluation gives (DevTools protocol, Runtime.evaluate). */
interface Evaluated {
  readonly result?: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

const FLAGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Chromium refuses to run sandboxed as root. */
const ROOT_FLAGS = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

/** A page of the browser. */
export interface Page {
  /** The value of an expression, awaited; it has to be JSON. Throws what the page throws. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Headless Chromium with a profile of its own, driven by the DevTools protocol over two pipes. */
export class Chromium {
  private readonly child: ChildProcess;
  private readonly profile = mkdtempSync(join(tmpdir(), 'cortexc-chromium-'));
  private readonly commands: Writable;
  private readonly waiting = new Map<number, { done: (a: Answer) => void; fail: (reason: Error) => void }>();
  private readonly listeners = new Set<(event: Answer) => void>();
  private id = 0;
  private rest = '';

  /** @param more - further flags */
  constructor(path: string, more: readonly string[] = []) {
    const flags = [...FLAGS, ...ROOT_FLAGS, ...more, `--user-data-dir=${this.profile}`, 'about:blank'];
    this.child = spawn(path, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const [, , , commands, answers] = this.child.stdio;
    this.commands = commands as Writable;
    (answers as Readable).setEncoding('utf8').on('data', (text: string) => this.take(text));
    this.commands.on('error', () => undefined);
    const end = (reason: string): void => {
      for (const { fail } of this.waiting.values()) fail(new Error(`${path}: ${reason}`));
      this.waiting.clear();
    };
    this.child.on('error', (error) => end(error.message));
    this.child.on('exit', (code) => end(`ended with code ${code}`));
  }

  /** Messages end with a byte 0. */
  private take(text: string): void {
    const messages = (this.rest + text).split('\0');
    this.rest = messages.pop() ?? '';
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer;
      if (answer.id === undefined) for (const listener of this.listeners) listener(answer);
      else {
        const { done, fail } = this.waiting.get(answer.id) ?? {};
        this.waiting.delete(answer.id);
        if (answer.error === undefined) done?.(answer);
        else fail?.(new Error(answer.error.message));
      }
    }
  }

  private send(method: string, params: object, sessionId?: string): Promise<Answer> {
    const id = ++this.id;
    const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) };
    return new Promise((done, fail) => {
      this.waiting.set(id, { done, fail });
      this.commands.write(`${JSON.stringify(message)}\0`);
    });
  }

  private once(method: string, sessionId: string): Promise<void> {
    return new Promise((done) => {
      const listener = (event: Answer): void => {
        if (event.method !== method || event.sessionId !== sessionId) return;
        this.listeners.delete(listener);
        done();
      };
      this.listeners.add(listener);
    });
  }

  /** Opens an address and waits until it is loaded. */
  async open(url: string): Promise<Page> {
    const { result: target } = await this.send('Target.createTarget', { url: 'about:blank' });
    const targetId = String(target?.['targetId']);
    const { result: attached } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const session = String(attached?.['sessionId']);
    await this.send('Page.enable', {}, session);
    const loaded = this.once('Page.loadEventFired', session);
    await this.send('Page.navigate', { url }, session);
    await loaded;
    return {
      evaluate: async (expression) => {
        const { result } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, session);
        const { result: given, exceptionDetails } = (result ?? {}) as Evaluated;
        if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return given?.value;
      },
      close: async () => void (await this.send('Target.closeTarget', { targetId })),
    };
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    await this.send('Browser.close', {}).catch(() => this.child.kill('SIGKILL'));
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
