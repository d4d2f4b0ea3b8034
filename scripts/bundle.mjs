// node scripts/bundle.mjs [dist]: joins what a prepared run needs into dist/src/cli/cortexc.js, the installed command line (ADR 0012).
// Loading fifty small modules takes longer than running a model. Everything else stays where tsc puts it and is loaded when it is needed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ENTRY = join('src', 'cli', 'cortexc');
/** What a cold start can bear: a compiler that came in by one import would be ten times as large. */
const MOST_BYTES = 160_000;

const filesBelow = (folder, ending) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && ending.test(entry.name))
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort()
    : [];

/** Digest of all code: what is remembered by one build is not used by another. */
export const buildDigest = (dist) => {
  const hash = createHash('sha256');
  const entry = join(dist, `${ENTRY}.js`);
  const files = [...filesBelow(join(dist, 'src'), /[.]js$/), ...filesBelow(join(ROOT, 'src/backends/cpu/native/c'), /[.][ch]$/)];
  // the joined file follows from the others, and is not there yet the first time
  for (const path of [...files.filter((f) => f !== entry), join(ROOT, 'src', 'cli', 'cortexc.ts')]) {
    const content = readFileSync(path);
    hash.update(`${relative(ROOT, path)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
};

/** Imports at run time stay imports, from where tsc puts the module; modules have no side effects, so that what nobody uses is left out. */
const places = (dist) => ({
  name: 'places',
  setup: ({ onResolve, resolve: find }) => {
    onResolve({ filter: /^[.]/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'found') return undefined;
      const found = await find(path, { importer, kind, resolveDir, pluginData: 'found' });
      if (kind !== 'dynamic-import') return { ...found, sideEffects: false };
      const compiled = join(dist, relative(ROOT, found.path)).replace(/[.]ts$/, '.js');
      return {
        path: `./${relative(dirname(join(dist, ENTRY)), compiled)
          .split(sep)
          .join('/')}`,
        external: true,
      };
    });
  },
});

/** What does not belong into the joined file; empty when all is well. */
const problems = ({ outputs }) =>
  Object.entries(outputs)
    .filter(([name]) => name.endsWith('.js'))
    .flatMap(([, { bytes, imports }]) => [
      ...(bytes > MOST_BYTES ? [`it has ${bytes} bytes, ${MOST_BYTES} are the most`] : []),
      ...imports.filter((i) => i.kind === 'import-statement' && !i.path.startsWith('node:')).map((i) => `it imports ${i.path}`),
    ]);

/** Writes the joined file over the one that tsc wrote. @returns what is wrong with it, in sentences */
export const bundle = async (dist) => {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    entryPoints: [join(ROOT, `${ENTRY}.ts`)],
    outfile: join(dist, `${ENTRY}.js`),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    define: { CORTEXC_BUILD: JSON.stringify(buildDigest(dist)) },
    plugins: [places(dist)],
    logLevel: 'warning',
  });
  return problems(metafile);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await bundle(resolve(process.argv[2] ?? join(ROOT, 'dist')));
  for (const problem of found) process.stderr.write(`dist/${ENTRY}.js does not start fast: ${problem}\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
