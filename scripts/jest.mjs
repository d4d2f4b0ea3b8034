// Runs jest with ES modules on. Arguments go to jest: npm run jest -- src/ir --watch
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled, ROOT } from './ensure.mjs';

/** @returns jest's exit status */
export function runJest(args) {
  const nodeArgs = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'),
  ];
  const result = spawnSync(process.execPath, [...nodeArgs, ...args], { cwd: ROOT, stdio: 'inherit' });
  return result.status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = ensureInstalled() ? runJest(process.argv.slice(2)) : 1;
