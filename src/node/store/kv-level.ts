import { ClassicLevel } from 'classic-level';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { KeyValue } from './kv.ts';

/** What the binding says of an error: in its cause, where the wrapper adds one. */
export const levelReason = (error: unknown): { readonly code?: unknown; readonly message?: unknown } => {
  if (typeof error !== 'object' || error === null) return {};
  return 'cause' in error && typeof error.cause === 'object' && error.cause !== null ? error.cause : error;
};

/**
 * Keeps values in a folder, by LevelDB: a batch is whole or not there, whenever the machine stops. Errors: NOD0010 when another
 * process has the folder, NOD0011 when it cannot be read or written.
 */
export const openLevel = async (folder: string): Promise<Result<KeyValue>> => {
  const level = new ClassicLevel<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
  try {
    await level.open();
  } catch (error) {
    const { code, message } = levelReason(error);
    return code === 'LEVEL_LOCKED'
      ? fail(diagnostic('NOD0010', `another process uses the chain in ${folder}`, { notes: ['End it, or give another folder: --data.'] }))
      : fail(
          diagnostic('NOD0011', `the chain in ${folder} cannot be opened: ${String(message)}`, {
            notes: ['A node that follows another gets its blocks again in an empty folder.'],
          }),
        );
  }
  return ok({
    get: (key) => level.get(key),
    batch: (changes, durable) => level.batch([...changes], { sync: durable }),
    withPrefix: (prefix) => level.iterator({ gte: prefix, lt: `${prefix}\u{10ffff}` }),
    close: () => level.close(),
  });
};
