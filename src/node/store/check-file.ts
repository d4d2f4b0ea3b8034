import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { checkPackage } from './check-package.ts';
import { StoredFile } from './disk.ts';
import { TransferError } from './transfer.ts';

/**
 * Reads the file of a package to its end.
 * @param hash - what its root has to be
 * @returns the hash, or why it is not taken; rejects where the file cannot be read
 */
export type CheckFile = (path: string, size: number, hash: Uint8Array) => Promise<Uint8Array | string>;

/** Files up to this size are checked where they are: a thread takes longer to start. */
const SMALL_BYTES = 2 ** 22;

const inThread = (main: URL, path: string, size: number, hash: Uint8Array): Promise<Uint8Array | string> =>
  new Promise((done, failed) => {
    const worker = new Worker(main, { workerData: { path, size, hash } });
    worker.once('message', done);
    worker.once('error', failed);
    // after an answer this says nothing
    worker.once('exit', (code) => failed(new TransferError(`the thread that checks a package ended with code ${code} and no answer`)));
  });

/**
 * Checks large files in a thread of their own, one after another: what is asked meanwhile is answered.
 * @param main - the compiled check-main.ts; where it is not there, as in sources that are not compiled, files are checked in this thread
 */
export const createCheck = (main: URL = new URL('check-main.js', import.meta.url)): CheckFile => {
  const compiled = existsSync(fileURLToPath(main));
  let last: Promise<unknown> = Promise.resolve();
  return (path, size, hash) => {
    if (size <= SMALL_BYTES || !compiled) return new Promise((done) => done(checkPackage(new StoredFile(path, size), hash)));
    const mine = last.then(() => inThread(main, path, size, hash));
    last = mine.catch(() => undefined);
    return mine;
  };
};
