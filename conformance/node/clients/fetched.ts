import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const TIMEOUT_MS = 300_000;

/**
 * Installs packages of the registry into a folder of their own, once; their install scripts stay off.
 * @returns why that failed; undefined: they are there
 */
export const fetched = async (folder: string, packages: readonly string[]): Promise<string | undefined> => {
  const mark = join(folder, 'fetched.txt');
  const wanted = packages.join('\n');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return undefined;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', ...packages];
  try {
    await promisify(execFile)('npm', words, { cwd: folder, timeout: TIMEOUT_MS });
  } catch (error) {
    return `${packages[0]} cannot be fetched: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`;
  }
  writeFileSync(mark, wanted);
  return undefined;
};
