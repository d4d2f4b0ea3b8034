// npm start: from a fresh clone to the demo in one command. Arguments go to the demo.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ROOT, runCompiled } from './ensure.mjs';

const DEMO = 'examples/digits/demo.js';
if (!ensureBuilt()) {
  process.exitCode = 1;
} else if (existsSync(join(ROOT, 'dist', DEMO))) {
  process.exitCode = runCompiled(DEMO, process.argv.slice(2));
} else {
  process.stdout.write(
    'cortexc is built, but examples/digits/demo.ts does not exist yet. The compiler: node dist/src/cli/main.js --help\n',
  );
}
