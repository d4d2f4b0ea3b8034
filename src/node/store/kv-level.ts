import { ClassicLevel } from 'classic-level';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { KeyValue } from './kv.ts';

const codeOf = (error: unknown): string => {
  const all = [error, error instanceof Error ? error.cause : undefined];
  for (const e of all.reverse()) if (e instanceof Error && 'code' in e && typeof e.code === 'string') return e.code;
  return '';
};
const textOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
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
    return codeOf(error) === 'LEVEL_LOCKED'
      ? fail(diagnostic('NOD0010', `another process uses the chain in ${folder}`, { notes: ['End it, or give another folder: --data.'] }))
      : fail(
          diagnostic('NOD0011', `the chain in ${folder} cannot be opened: ${textOf(error)}`, {
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
