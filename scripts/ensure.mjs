// Brings node_modules and dist up to date. Node builtins only: this runs on a fresh clone, before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const COMPILED_FOLDERS = ['src', 'bench', 'conformance', 'examples', 'scripts'];
const MINIMUM_NODE = [20, 19];
const LOCK_WAIT_MS = 300_000;

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const say = (text) => process.stderr.write(`${text}\n`);

/** Ends the process with a sentence when Node is older than package.json asks for. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  say(`cortexc needs Node >= ${MINIMUM_NODE.join('.')}, this is ${process.versions.node}. See https://nodejs.org/en/download`);
  process.exit(1);
}

/** Runs a command in the package root with the terminal attached; its stdout goes to stderr so that data on stdout stays clean. */
function runQuietly(command, args) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2], shell: false });
  if (result.error !== undefined) say(`${command}: ${result.error.message}`);
  return result.status ?? 1;
}

/** The first difference between package-lock.json and what npm recorded in node_modules, or undefined. */
function installDifference() {
  const recordPath = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(recordPath)) return 'node_modules is missing';
  const installed = readJson(recordPath).packages;
  for (const [path, wanted] of Object.entries(readJson(join(ROOT, 'package-lock.json')).packages)) {
    if (path === '' || wanted.optional === true || wanted.devOptional === true) continue;
    const found = installed[path]?.version;
    if (found !== wanted.version) return `${path} is ${found ?? 'missing'}, package-lock.json has ${wanted.version}`;
  }
  return undefined;
}

function install() {
  const difference = installDifference();
  if (difference === undefined) return true;
  say(`Installing dependencies (${difference}) ...`);
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const status = npm?.endsWith('.js') === true ? runQuietly(process.execPath, [npm, ...args]) : runQuietly('npm', args);
  return status === 0;
}

/** Every file below `folder`, sorted by path. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Digest of everything that decides what dist holds. */
function sourceDigest() {
  const hash = createHash('sha256');
  const sources = COMPILED_FOLDERS.flatMap((folder) => filesBelow(join(ROOT, folder))).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
  );
  for (const path of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/bundle.mjs']
    .map((name) => join(ROOT, name))
    .concat(sources)) {
    const content = readFileSync(path);
    hash.update(`${relative(ROOT, path).split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Removes outputs whose source is gone, so that a deleted module cannot be imported from dist by mistake. */
function pruneOutputs() {
  for (const folder of COMPILED_FOLDERS) {
    for (const path of filesBelow(join(ROOT, 'dist', folder))) {
      const source = relative(join(ROOT, 'dist'), path).replace(/([.]d[.]ts|[.]js|[.]js[.]map)$/, '.ts');
      if (!existsSync(join(ROOT, source))) rmSync(path);
    }
  }
}

function build() {
  const stampPath = join(ROOT, 'dist', '.stamp');
  const digest = sourceDigest();
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === digest) return true;
  say('Building ...');
  const started = process.hrtime.bigint();
  // Outputs may have been deleted by hand; a compiler that trusts its build record would not write them again.
  if (!existsSync(stampPath)) rmSync(join(ROOT, 'dist', '.tsbuildinfo'), { force: true });
  rmSync(stampPath, { force: true });
  const status = runQuietly(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  if (status !== 0) return false;
  pruneOutputs();
  if (runQuietly(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs')]) !== 0) return false;
  writeFileSync(stampPath, digest);
  say(`Built in ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s.`);
  return true;
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Two commands started together must not install or build over each other. */
function withLock(action) {
  const lock = join(ROOT, '.cache', 'ensure.lock');
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
      if ((owner > 0 && !isAlive(owner)) || Date.now() > deadline) rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Installs what package-lock.json asks for, if needed. @returns whether node_modules is usable */
export const ensureInstalled = () => {
  checkNode();
  return withLock(install);
};

/** Installs and builds, if needed. @returns whether dist is up to date */
export const ensureBuilt = () => {
  checkNode();
  return withLock(() => install() && build());
};

/** Runs a compiled module of dist/ with the terminal attached. @returns its exit status */
export function runCompiled(module, args) {
  const result = spawnSync(process.execPath, ['--enable-source-maps', join(ROOT, 'dist', module), ...args], { stdio: 'inherit' });
  return result.status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = ensureBuilt() ? 0 : 1;
