import { parentPort, workerData } from 'node:worker_threads';
import { checkPackage } from './check-package.ts';
import { StoredFile } from './disk.ts';

// A thread that checks one file of a package and ends (check-file.ts).

const { path, size, hash } = workerData as { readonly path: string; readonly size: number; readonly hash: Uint8Array };
parentPort?.postMessage(checkPackage(new StoredFile(path, size), hash));
