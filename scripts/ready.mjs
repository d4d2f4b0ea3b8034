// npm run ready: everything CI checks, in CI's words. Runs all steps, then fails if one did. The tests come last.
import { spawnSync } from 'node:child_process';
import { ensureInstalled, ROOT } from './ensure.mjs';

const STEPS = ['format:check', 'lint', 'layers', 'knip', 'docs:check', 'test'];

function runStep(name) {
  process.stdout.write(`\n=== ${name}\n`);
  const started = process.hrtime.bigint();
  const passed =
    spawnSync('npm', ['run', '--silent', name], { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
  const seconds = (Number(process.hrtime.bigint() - started) / 1e9).toFixed(1);
  process.stdout.write(`=== ${name}: ${passed ? 'ok' : 'FAILED'}, ${seconds} s\n`);
  return passed;
}

if (!ensureInstalled()) {
  process.exitCode = 1;
} else {
  const failed = STEPS.filter((name) => !runStep(name));
  process.stdout.write(failed.length === 0 ? '=== ready\n' : `=== not ready: ${failed.join(', ')}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
