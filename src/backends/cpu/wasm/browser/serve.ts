// node serve.mjs [--port N] [--not-isolated]: serves this folder on this machine alone, with the headers that threads need.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
/** A page with these has shared memory (HTML, "cross-origin isolation"). */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

interface ServeOptions {
  /** Send the headers that give a page shared memory. */
  readonly isolated: boolean;
  /** Further headers of a file; they take the place of the usual ones. */
  readonly headersOf?: (path: string) => Readonly<Record<string, string>>;
}

const answer = async (
  folder: string,
  path: string,
  { headers: asked }: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path));
  const found = file.startsWith(folder.endsWith(sep) ? folder : folder + sep) ? await stat(file).catch(() => undefined) : undefined;
  if (found?.isFile() !== true) {
    response.writeHead(404, headers).end('not found\n');
    return;
  }
  // browsers ask every time, and keep what has not changed
  const tag = `"${found.size}-${found.mtimeMs}"`;
  const usual = { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', ETag: tag, 'Cache-Control': 'no-cache' };
  if (asked['if-none-match'] === tag) {
    response.writeHead(304, { ...usual, ...headers }).end();
    return;
  }
  response.writeHead(200, { ...usual, 'Content-Length': String(found.size), ...headers });
  createReadStream(file).pipe(response);
};

/** A server of a folder's files. */
export const serveFolder = (folder: string, { isolated, headersOf = () => ({}) }: ServeOptions): Server =>
  createServer((request, response) => {
    const headers = isolated ? ISOLATED : {};
    let path: string;
    try {
      path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    } catch {
      response.writeHead(400, headers).end('bad address\n');
      return;
    }
    answer(folder, path, request, response, { ...headers, ...headersOf(path) }).catch(() => response.destroy());
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const at = words.indexOf('--port');
  const port = at < 0 ? 8080 : Number(words[at + 1]);
  const isolated = !words.includes('--not-isolated');
  const server = serveFolder(fileURLToPath(new URL('.', import.meta.url)), { isolated });
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
  server.listen(port, 'localhost', () => process.stdout.write(`http://localhost:${port}/ (threads: ${isolated ? 'yes' : 'no'})\n`));
}
