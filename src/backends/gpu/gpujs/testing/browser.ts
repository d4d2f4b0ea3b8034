import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import { Chromium, type Page } from '../../../../../tests/support/chromium.ts';
import { serveFolder } from '../../../cpu/wasm/browser/serve.ts';
import type { EmittedFile } from '../../../backend.ts';

/** Flags that give Chromium WebGL2 and a WebGPU device without a GPU. */
const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader', '--use-angle=swiftshader'];

/** JavaScript of the TypeScript as it stands, so that a test needs no build. */
export const readSource = (name: string): string =>
  transformSync(readFileSync(fileURLToPath(new URL(`../${name}.ts`, import.meta.url)), 'utf8'), {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
    module: { type: 'es6' },
  }).code;

/** What a folder tells of itself in a page. */
export interface FolderAnswer {
  readonly mode: string;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** Emitted folders in headless Chromium. */
export class BrowserPage {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cortexc-gpujs-'));
  private readonly chromium: Chromium;
  private readonly server: Server;
  private page: Page | undefined;

  constructor(path: string) {
    this.chromium = new Chromium(path, FLAGS);
    writeFileSync(join(this.folder, 'index.html'), '<!doctype html><title>gpu.js</title>');
    this.server = serveFolder(this.folder, { isolated: false });
  }

  async open(): Promise<void> {
    const port = await new Promise<number>((done) => {
      this.server.listen(0, '127.0.0.1', () => done((this.server.address() as AddressInfo).port));
    });
    this.page = await this.chromium.open(`http://localhost:${port}/`);
  }

  evaluate(expression: string): Promise<unknown> {
    if (this.page === undefined) throw new RangeError('the page is not open');
    return this.page.evaluate(expression);
  }

  /** Puts files into a folder that the page sees. */
  put(files: readonly EmittedFile[], folder: string): void {
    for (const { name, content } of files) {
      mkdirSync(dirname(join(this.folder, folder, name)), { recursive: true });
      writeFileSync(join(this.folder, folder, name), content);
    }
  }

  /** Loads a folder in a mode, or in the best, and checks its vectors. */
  async check(folder: string, mode?: string): Promise<FolderAnswer> {
    const script = `async (folder, options) => {
      const { load } = await import(folder + 'loader.js');
      const model = await load(folder, options);
      const started = performance.now();
      const problems = await model.check();
      const milliseconds = performance.now() - started;
      model.close();
      return { mode: model.mode, warnings: model.warnings, problems, milliseconds };
    }`;
    const options = mode === undefined ? {} : { mode };
    return (await this.evaluate(`(${script})('/${folder}/', ${JSON.stringify(options)})`)) as FolderAnswer;
  }

  async close(): Promise<void> {
    await this.chromium.close();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
