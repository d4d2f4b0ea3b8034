// node scripts/run.mjs [--if-present] <module> [args]: builds if needed, then runs dist/<module> (bench/main.js, src/cli/main.js, ...).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ROOT, runCompiled } from './ensure.mjs';

const args = process.argv.slice(2);
const optional = args[0] === '--if-present' && args.shift() !== undefined;
const [module, ...rest] = args;
if (module === undefined) {
  process.stderr.write('usage: node scripts/run.mjs [--if-present] <module> [args]\n');
  process.exitCode = 2;
} else if (!ensureBuilt()) {
  process.exitCode = 1;
} else if (!existsSync(join(ROOT, 'dist', module))) {
  process.stderr.write(`dist/${module} does not exist: there is no ${module.replace(/[.]js$/, '.ts')} yet.\n`);
  process.exitCode = optional ? 0 : 1;
} else {
  process.exitCode = runCompiled(module, rest);
}
