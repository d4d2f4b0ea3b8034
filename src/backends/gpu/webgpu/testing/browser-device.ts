import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import { canonicalBytes, type Program, runProgram, type Tensor } from '../../../../ir/index.ts';
import { unwrap } from '../../../../support/index.ts';
import { Chromium, type Page } from '../../../../../tests/support/chromium.ts';
import { serveFolder } from '../../../cpu/wasm/browser/serve.ts';
import type { EmittedFile } from '../../../backend.ts';
import type { SelfTest } from '../host/runtime.ts';
import { lowerProgram } from '../lower.ts';

/** Flags that give Chromium a WebGPU device without a GPU. */
const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** JavaScript of the TypeScript as it stands, so that a test needs no build. */
export const readSource = (name: string): string =>
  transformSync(readFileSync(fileURLToPath(new URL(`../${name}.ts`, import.meta.url)), 'utf8'), {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
    module: { type: 'es6' },
  }).code;

/** A program and what has to come out of it; by the reference interpreter. */
export const caseOf = (program: Program, inputs: readonly Tensor[]): SelfTest => {
  const lowered = unwrap(lowerProgram(program));
  return {
    program: lowered.program,
    parameters: lowered.program.parameterBytes.map((_, n) => lowered.parameters(n)),
    inputs: inputs.map(canonicalBytes),
    outputs: runProgram(program, inputs).map(canonicalBytes),
  };
};

/** What an evaluation in the page gives. */
export interface RunAnswer {
  readonly name: string;
  readonly dot: string;
  /** Outputs that differ, by name, with the first place. */
  readonly wrong: readonly string[];
  readonly milliseconds: readonly number[];
}

/** Runs a case `times` times on one device; every run has to give the bytes. */
const SCRIPT = `async (folder, dot, times) => {
  const { openDevice, openProgram } = await import('/runtime.js');
  const read = async (name) => new Uint8Array(await (await fetch(folder + name)).arrayBuffer());
  const all = (name, n) => Promise.all(Array.from({ length: n }, (_, i) => read(name + i)));
  const program = await (await fetch(folder + 'program.json')).json();
  const parameters = await all('parameters', program.parameterBytes.length);
  const inputs = await all('input', program.inputs.length);
  const outputs = await all('output', program.outputs.length);
  const open = (globalThis.devices ??= {})[dot] ??= await openDevice(navigator.gpu, dot);
  const wrong = [];
  const milliseconds = [];
  const started = performance.now();
  const model = await openProgram(open, program, (n) => parameters[n]);
  milliseconds.push(performance.now() - started);
  for (let t = 0; t < times; t++) {
    const begun = performance.now();
    const results = await model.run(inputs);
    milliseconds.push(performance.now() - begun);
    outputs.forEach((bytes, i) => {
      const at = bytes.findIndex((b, k) => b !== results[i][k]);
      if (at >= 0) wrong.push(program.outputs[i].name + ' byte ' + at + ': ' + results[i][at] + ', not ' + bytes[at]);
    });
  }
  model.close();
  return { name: open.name, dot: open.dot, wrong, milliseconds };
}`;

/** A WebGPU device in headless Chromium. */
export class BrowserDevice {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cortexc-webgpu-'));
  private readonly chromium: Chromium;
  private readonly server: Server;
  private page: Page | undefined;
  private cases = 0;

  constructor(path: string) {
    this.chromium = new Chromium(path, FLAGS);
    writeFileSync(join(this.folder, 'index.html'), '<!doctype html><title>webgpu</title>');
    writeFileSync(join(this.folder, 'runtime.js'), readSource('host/runtime'));
    this.server = serveFolder(this.folder, { isolated: false });
  }

  async open(): Promise<void> {
    const port = await new Promise<number>((done) => {
      this.server.listen(0, '127.0.0.1', () => done((this.server.address() as AddressInfo).port));
    });
    this.page = await this.chromium.open(`http://localhost:${port}/`);
  }

  /** Puts files into the folder that the page sees. */
  put(files: readonly EmittedFile[], folder: string): void {
    for (const { name, content } of files) {
      mkdirSync(dirname(join(this.folder, folder, name)), { recursive: true });
      writeFileSync(join(this.folder, folder, name), content);
    }
  }

  evaluate(expression: string): Promise<unknown> {
    if (this.page === undefined) throw new RangeError('the page is not open');
    return this.page.evaluate(expression);
  }

  async run(one: SelfTest, dot: 'packed' | 'plain' = 'packed', times = 1): Promise<RunAnswer> {
    const name = `case${this.cases++}`;
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const write = (file: string, list: readonly Uint8Array[]): void =>
      list.forEach((bytes, i) => writeFileSync(join(folder, `${file}${i}`), bytes));
    writeFileSync(join(folder, 'program.json'), JSON.stringify(one.program));
    write('parameters', one.parameters);
    write('input', one.inputs);
    write('output', one.outputs);
    const answer = await this.evaluate(`(${SCRIPT})('/${name}/', '${dot}', ${times})`);
    rmSync(folder, { recursive: true });
    return answer as RunAnswer;
  }

  async close(): Promise<void> {
    await this.chromium.close();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
