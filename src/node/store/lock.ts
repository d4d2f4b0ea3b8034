import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { levelReason } from './kv-level.ts';

/** What has a folder of packages until it is released, or until the process ends, however it ends. */
export interface FolderLock {
  readonly release: () => Promise<void>;
}

/**
 * Has a folder of packages for this process alone: two that collect, pin and finish drafts in one would take files from each other. The
 * system lets go of the lock of LevelDB when a process ends; a number of a process in a file would outlive it. Errors: NOD0010 when
 * another process has it, NOD0011 when it cannot be written to.
 */
export const lockFolder = async (folder: string): Promise<Result<FolderLock>> => {
  const level = new ClassicLevel<string, string>(join(folder, '.lock'));
  try {
    await level.open();
  } catch (error) {
    const { code, message } = levelReason(error);
    return code === 'LEVEL_LOCKED'
      ? fail(
          diagnostic('NOD0010', `another process uses the packages in ${folder}`, {
            notes: ['End it, or give another folder: --objects.'],
          }),
        )
      : fail(diagnostic('NOD0011', `the packages in ${folder} cannot be used: ${String(message)}`));
  }
  return ok({ release: () => level.close() });
};
