// npm run docs writes every generated file; npm run docs:check fails when one differs from what would be written.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cliReference } from '../src/cli/index.ts';
import { registryModule, scoresModule } from './docs/contracts.ts';
import { formatsPage } from './docs/formats.ts';
import { mrlEbnf, mrlRailroad, mrlTextMate } from './docs/mrl.ts';
import { opsPage } from './docs/ops.ts';
import { ownDigests } from './docs/own-digests.ts';
import { supportMatrix } from './docs/support-matrix.ts';
import { tfliteOperators } from './docs/tflite-operators.ts';

/** Every generated file, from the root of the package. A further one is one row. */
export const GENERATED: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/cli.md': cliReference,
  'docs/formats.md': formatsPage,
  'docs/ops.md': opsPage,
  'docs/support-matrix.md': supportMatrix,
  'docs/tflite-operators.md': tfliteOperators,
  'grammar/mrl.ebnf': mrlEbnf,
  'grammar/mrl.railroad.html': mrlRailroad,
  'grammar/mrl.tmLanguage.json': mrlTextMate,
  'src/frontend/onnx/own-digests.ts': ownDigests,
  'src/node/contracts/registry.ts': registryModule,
  'src/node/contracts/scores.ts': scoresModule,
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** The root of the package: this file is compiled to dist/scripts/docs.js. */
const rootOf = (moduleUrl: string): string => {
  const folder = dirname(dirname(fileURLToPath(moduleUrl)));
  return folder.endsWith('dist') ? dirname(folder) : folder;
};

/** @returns the files that differ; they are written unless `check` */
export const generate = async (root: string, { check }: { readonly check: boolean }): Promise<readonly string[]> => {
  const differing: string[] = [];
  for (const [path, make] of Object.entries(GENERATED)) {
    const text = await make();
    if (readIfThere(join(root, path)) === text) continue;
    differing.push(path);
    if (check) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return differing;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  const differing = await generate(rootOf(import.meta.url), { check });
  for (const path of differing) process.stdout.write(check ? `${path} is out of date: npm run docs\n` : `${path} written\n`);
  if (check && differing.length > 0) process.exitCode = 1;
}
