// node scripts/bundle.mjs [dist]: joins what a prepared run needs into dist/src/cli/cortexc.cjs, the installed command line (ADR 0012).
// Loading fifty small modules takes longer than running a model. Everything else stays where tsc puts it and is loaded when it is needed.
// A CommonJS file: for an ECMAScript module Node loads more of itself first, some ten milliseconds.
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
  const files = [
    ...filesBelow(join(dist, 'src'), /[.]js$/),
    ...filesBelow(join(ROOT, 'src', 'backends', 'cpu', 'native', 'c'), /[.][ch]$/),
  ];
  for (const path of files) {
    const content = readFileSync(path);
    hash.update(`${relative(ROOT, path)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
};

/** Node's own modules: what nobody uses of them is left out, too. */
const builtins = {
  name: 'builtins',
  setup: ({ onResolve }) => onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true, sideEffects: false })),
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
    .filter(([name]) => name.endsWith('.cjs'))
    .flatMap(([, { bytes, imports }]) => [
      ...(bytes > MOST_BYTES ? [`it has ${bytes} bytes, ${MOST_BYTES} are the most`] : []),
      ...imports.filter((i) => i.kind !== 'dynamic-import' && !i.path.startsWith('node:')).map((i) => `it imports ${i.path}`),
    ]);

/** Writes the joined file. @returns what is wrong with it, in sentences */
export const bundle = async (dist) => {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    entryPoints: [join(ROOT, `${ENTRY}.ts`)],
    outfile: join(dist, `${ENTRY}.cjs`),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    minify: true,
    // an uncaught error prints its line
    lineLimit: 160,
    legalComments: 'none',
    metafile: true,
    define: { CORTEXC_BUILD: JSON.stringify(buildDigest(dist)), 'import.meta.url': 'CORTEXC_URL' },
    banner: { js: "const CORTEXC_URL=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [builtins, places(dist)],
    logLevel: 'warning',
  });
  return problems(metafile);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await bundle(resolve(process.argv[2] ?? join(ROOT, 'dist')));
  for (const problem of found) process.stderr.write(`dist/${ENTRY}.cjs does not start fast: ${problem}\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
