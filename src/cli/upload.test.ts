import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../backends/index.ts';
import { createDevNode, folderObjects, packageRoutes, type Route, type RunningServer, serveRpc } from '../node/index.ts';
import { syntheticPackage } from '../node/store/testing/synthetic-package.ts';
import { bytesSource, silentProgress, toHex, unwrap } from '../support/index.ts';
import { uploadPackage } from './pipeline/node/upload.ts';
import { inFolder } from './testing/run.ts';

jest.setTimeout(60_000);

const MODEL = syntheticPackage(10 * 2 ** 20, 9);
const PART = 2 ** 23;

/** A node on a folder, as a process that has just started finds it. Nothing of it is closed in order. */
const started = async (objects: string, onArrived: () => void = () => undefined, before: readonly Route[] = []): Promise<RunningServer> => {
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const node = await createDevNode({ backend, version: 'test', objects, now: () => 1_800_000_000 });
  const { route } = packageRoutes({ store: node.objects, admin: () => node.admin, named: () => Promise.resolve(false), onArrived });
  return serveRpc(node, { port: 0, routes: [...before, route] });
};

const upload = async (server: RunningServer): Promise<number | undefined> =>
  unwrap(
    await uploadPackage(bytesSource(MODEL.bytes), {
      rpc: `http://127.0.0.1:${server.port}`,
      hash: toHex(MODEL.hash),
      token: undefined,
      progress: silentProgress,
    }),
  );

test('an upload goes on where it was when the node ended: what was durable is not sent again', () =>
  inFolder(async (folder) => {
    const objects = join(folder, 'objects');
    const before = folderObjects(objects);
    const draft = await before.draft(MODEL.hash, MODEL.bytes.length);
    if (draft === undefined || typeof draft === 'string') throw new TypeError(String(draft));
    // one part, which is durable; neither closed nor finished
    await draft.write(0, MODEL.bytes.subarray(0, PART));
    const server = await started(objects);
    try {
      expect(await upload(server)).toBe(MODEL.bytes.length - PART);
      expect(await upload(server)).toBeUndefined();
    } finally {
      await server.close();
    }
  }));

test('all came, but the node ended before it was checked: one part more, and it is there', () =>
  inFolder(async (folder) => {
    const objects = join(folder, 'objects');
    const draft = await folderObjects(objects).draft(MODEL.hash, MODEL.bytes.length);
    if (draft === undefined || typeof draft === 'string') throw new TypeError(String(draft));
    await draft.write(0, MODEL.bytes);
    let arrived = 0;
    const server = await started(objects, () => arrived++);
    try {
      expect(await upload(server)).toBe(PART);
      expect(arrived).toBe(1);
      expect(await upload(server)).toBeUndefined();
    } finally {
      await server.close();
    }
  }));

test('a part that a node took and lost, since it ended before that was durable, is sent again', () =>
  inFolder(async (folder) => {
    let lost = 0;
    const losing: Route = (request, response) => {
      if (request.method !== 'PUT' || lost > 0) return false;
      lost++;
      request.resume().once('end', () => response.writeHead(204).end());
      return true;
    };
    const server = await started(join(folder, 'objects'), undefined, [losing]);
    try {
      expect(await upload(server)).toBe(MODEL.bytes.length + PART);
      expect([lost, await upload(server)]).toEqual([1, undefined]);
    } finally {
      await server.close();
    }
  }));
