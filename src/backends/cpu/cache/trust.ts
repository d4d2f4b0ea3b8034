import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const ROOT_USER = 0;
const OTHERS_WRITE = 0o022;
const EVERYONE_WRITES = 0o002;
/** In a folder with this bit only the owner of an entry can replace it, as in /tmp. */
const STICKY = 0o1000;

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8);

/** A path and all above it, nearest first. */
const upwards = (path: string): readonly string[] => (dirname(path) === path ? [path] : [path, ...upwards(dirname(path))]);

const realPath = (path: string): string => {
  try {
    return realpathSync.native(path);
  } catch {
    // what does not exist yet is made by this user alone
    return path;
  }
};

/** What is wrong with the folders that hold the entries: they are this user's alone. */
const problemOfOwn = (stat: Stats, own: number): string | undefined => {
  if (stat.uid !== own && stat.uid !== ROOT_USER) return `belongs to user ${stat.uid}, not to ${own}`;
  return (stat.mode & OTHERS_WRITE) === 0 ? undefined : `can be written to by others (mode ${modeOf(stat)})`;
};

/** What is wrong with a folder further up: whoever can write to it can put another folder in the place of ours. */
const problemAbove = (stat: Stats): string | undefined =>
  (stat.mode & EVERYONE_WRITES) !== 0 && (stat.mode & STICKY) === 0 ? `can be written to by everyone (mode ${modeOf(stat)})` : undefined;

/**
 * Code is loaded from the folder, so nobody else may be able to change what it holds or to replace it.
 * @param root - where the entries lie; it and the folder above it belong to the cache, the others to the system
 * @returns what is wrong, and where; undefined when nothing is, or where the system has no owners
 * @throws errors of the file system besides that something does not exist
 */
export const distrust = (root: string): string | undefined => {
  const own = process.getuid?.();
  if (own === undefined) return undefined;
  const above = dirname(root);
  const cacheFolders = new Set([root, above, realPath(root), realPath(above)]);
  for (const path of new Set([root, above, realPath(root), realPath(above)].flatMap(upwards))) {
    const stat = statSync(path, { throwIfNoEntry: false });
    const why = stat === undefined ? undefined : cacheFolders.has(path) ? problemOfOwn(stat, own) : problemAbove(stat);
    if (why !== undefined) return `${path} ${why}`;
  }
  return undefined;
};
