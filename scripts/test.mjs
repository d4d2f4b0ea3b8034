// npm test: installs, builds, type-checks, runs jest. Arguments go to jest: npm test -- src/ir
// The last line is "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ensureBuilt, ensureInstalled, ROOT } from './ensure.mjs';
import { runJest } from './jest.mjs';

/** System tools that some tests use. On Debian as root they are installed; elsewhere those tests are skipped. */
const SYSTEM_TOOLS = [{ command: 'zstd', debianPackage: 'zstd', use: 'tests that unpack data' }];

const say = (text) => process.stdout.write(`${text}\n`);

const isOnPath = (command) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

function provideSystemTools() {
  const missing = () => SYSTEM_TOOLS.filter((tool) => !isOnPath(tool.command));
  const wanted = missing();
  if (wanted.length === 0) return;
  if (existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    const packages = wanted.map((tool) => tool.debianPackage);
    say(`Installing ${packages.join(', ')} with apt-get ...`);
    const apt = (...args) =>
      spawnSync('apt-get', ['-qq', ...args], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      }).status === 0;
    const installPackages = () => apt('install', '-y', '--no-install-recommends', ...packages);
    if (!installPackages() && apt('update')) installPackages();
  }
  for (const tool of missing())
    say(`${tool.command} is not on this machine: skipping ${tool.use} (Debian package: ${tool.debianPackage}).`);
}

function typecheck() {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  return spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: ROOT, stdio: 'inherit' }).status === 0;
}

function main(jestArgs) {
  if (!ensureInstalled()) return 1;
  provideSystemTools();
  const built = ensureBuilt();
  say('Type-checking ...');
  const typed = typecheck();

  const resultPath = join(ROOT, '.cache', `jest-result-${process.pid}.json`);
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const status = runJest(['--ci', '--json', `--outputFile=${resultPath}`, ...jestArgs]);
  let counts = { passed: 0, failed: 1, skipped: 0 };
  if (existsSync(resultPath)) {
    const result = JSON.parse(readFileSync(resultPath, 'utf8'));
    rmSync(resultPath);
    counts = {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites, // a file that does not load counts as one failure
      skipped: result.numPendingTests + result.numTodoTests,
    };
  }
  if (!built) say('The build failed, see above.');
  if (!typed) say('The type check failed, see above.');
  say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return built && typed && status === 0 && counts.failed === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
