import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

const isExecutable = (path: string): boolean => {
  try {
    // most folders do not have it: no error is made for those
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Where PATH, or one of `more` folders after it, has a program; a name with a slash is a path. Starts no process. */
export const findProgram = (name: string, env: Environment, more: readonly string[] = []): string | undefined => {
  if (name.includes('/')) {
    const path = resolve(name);
    return isExecutable(path) ? path : undefined;
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return [...folders, ...more].map((folder) => join(folder, name)).find(isExecutable);
};

/** The first of these names that `findProgram` finds. */
export const findFirstProgram = (names: readonly string[], env: Environment): string | undefined => {
  for (const name of names) {
    const path = findProgram(name, env);
    if (path !== undefined) return path;
  }
  return undefined;
};
