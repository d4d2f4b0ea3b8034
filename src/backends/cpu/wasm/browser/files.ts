import type * as fs from 'node:fs/promises';
import type * as os from 'node:os';
import type * as path from 'node:path';
import type * as nodeUrl from 'node:url';
import type * as threads from 'node:worker_threads';
import { compileBytes, compileStream, type Module } from '../runtime/engine.ts';
import type { ModelWarning } from './api.ts';
import { MANIFEST } from './manifest.ts';
import { ModelError, reasonOf } from './model-error.ts';

/** What a page has and Node has not. */
declare const document: { readonly baseURI: string } | undefined;
declare const location: { readonly href: string } | undefined;
declare const process: { readonly versions?: { readonly node?: string } } | undefined;

export const inNode = (): boolean => typeof process === 'object' && typeof process.versions?.node === 'string';

interface NodeModules {
  'fs/promises': typeof fs;
  os: typeof os;
  path: typeof path;
  url: typeof nodeUrl;
  worker_threads: typeof threads;
}

/** A module of Node; the name is put together so that no bundler for browsers looks for it. */
export const nodeModule = async <N extends keyof NodeModules>(name: N): Promise<NodeModules[N]> => {
  const specifier = `node:${name}`;
  return (await import(/* @vite-ignore */ /* webpackIgnore: true */ specifier)) as NodeModules[N];
};

/** A scheme has more than one letter: C:\models is a path. */
const isAbsolute = (source: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(source);

const toUrl = async (source: string | URL | undefined): Promise<URL> => {
  if (source === undefined) return new URL(MANIFEST, import.meta.url);
  if (typeof source !== 'string') return source;
  if (isAbsolute(source)) return new URL(source);
  if (typeof document === 'object') return new URL(source, document.baseURI);
  if (!inNode() && typeof location === 'object') return new URL(source, location.href);
  const [names, urls] = [await nodeModule('path'), await nodeModule('url')];
  return new URL(urls.pathToFileURL(names.resolve(source)).href);
};

/** The address of model.json, for a folder or for itself. */
export const manifestUrl = async (source: string | URL | undefined): Promise<URL> => {
  const url = await toUrl(source);
  if (url.pathname.endsWith('.json')) return url;
  const folder = new URL(url);
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  return new URL(MANIFEST, folder);
};

/** What a server would say; Node reads files without one. */
const TYPES: Readonly<Record<string, string>> = { wasm: 'application/wasm', json: 'application/json' };

const readFromDisk = async (url: URL): Promise<Response> => {
  const { readFile } = await nodeModule('fs/promises');
  const type = TYPES[url.pathname.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
  return new Response(await readFile(url), { headers: { 'content-type': type } });
};

const COPY_ALL = 'Check the address, and that the whole emitted folder was copied there.';
const OTHER_ORIGIN = 'Check the address and, for one of another origin, that its server sends Access-Control-Allow-Origin.';
const START_SERVER = 'Pages cannot read files of the disk: start a server, such as `node serve.mjs` in the folder, and open its address.';

/** @throws {ModelError} BKD0020 with the address and the server's answer */
export const request = async (url: URL): Promise<Response> => {
  let response: Response;
  try {
    response = await (url.protocol === 'file:' && inNode() ? readFromDisk(url) : fetch(url));
  } catch (error) {
    const help = url.protocol !== 'file:' ? OTHER_ORIGIN : inNode() ? COPY_ALL : START_SERVER;
    throw new ModelError('BKD0020', `${url.href} cannot be read: ${reasonOf(error)}`, help, { cause: error });
  }
  if (response.ok) return response;
  const answer = `${response.status} ${response.statusText}`.trim();
  throw new ModelError('BKD0020', `${url.href} cannot be read: the server answers ${answer}`, COPY_ALL);
};

const MIME = 'application/wasm';

/**
 * Compiles while it downloads, and lets the browser cache the machine code; a server with another MIME type costs that, with a warning.
 * @throws {ModelError} BKD0004 when the engine refuses it
 */
export const compileFrom = async (url: URL, tell: (warning: ModelWarning) => void): Promise<Module> => {
  const response = await request(url);
  const type = response.headers.get('content-type') ?? 'nothing';
  const streams = type.trim().toLowerCase() === MIME;
  if (!streams) {
    tell({
      code: 'BKD0022',
      message: `the server sends ${url.href} as ${type}, not as ${MIME}, so it is compiled after the download and not cached`,
      help: `Let the server send .wasm files with Content-Type: ${MIME}.`,
    });
  }
  try {
    return streams ? await compileStream(response) : await compileBytes(new Uint8Array(await response.arrayBuffer()));
  } catch (error) {
    const help = 'The engine needs WebAssembly SIMD: Chrome 91, Firefox 89, Safari 16.4, Node 20 or later.';
    throw new ModelError('BKD0004', `the engine refuses ${url.href}: ${reasonOf(error)}`, help, { cause: error });
  }
};

const COPY_AGAIN = 'The download was cut off, or the file belongs to another model: copy the whole emitted folder and clear caches.';

/** All bytes of an answer, of which there are as many as expected. @throws {ModelError} BKD0020, BKD0021 */
export const readExactly = async (
  url: URL,
  bytes: number,
  onProgress: (loaded: number, total: number) => void,
): Promise<Uint8Array<ArrayBuffer>> => {
  const { body } = await request(url);
  const all = new Uint8Array(bytes);
  let loaded = 0;
  onProgress(0, bytes);
  try {
    for (const reader = body?.getReader(); reader !== undefined; ) {
      const { done, value } = await reader.read();
      if (done) break;
      if (loaded + value.length <= bytes) all.set(value, loaded);
      loaded += value.length;
      onProgress(Math.min(loaded, bytes), bytes);
    }
  } catch (error) {
    const message = `${url.href} breaks off after ${loaded} of ${bytes} bytes: ${reasonOf(error)}`;
    throw new ModelError('BKD0020', message, 'Load the model again.', { cause: error });
  }
  if (loaded === bytes) return all;
  throw new ModelError('BKD0021', `${url.href} has ${loaded} bytes, but ${MANIFEST} says ${bytes}`, COPY_AGAIN);
};

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (v) => v.toString(16).padStart(2, '0')).join('');

/** Does nothing where the platform computes no digests. @throws {ModelError} BKD0021 with both digests */
export const checkDigest = async (url: URL, bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> => {
  // pages have it in secure contexts only
  const { subtle } = globalThis.crypto as { readonly subtle?: typeof globalThis.crypto.subtle };
  if (subtle === undefined) return;
  const found = toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)));
  if (found !== sha256) throw new ModelError('BKD0021', `${url.href} has SHA-256 ${found}, but ${MANIFEST} says ${sha256}`, COPY_AGAIN);
};
