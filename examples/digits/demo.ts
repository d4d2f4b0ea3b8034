import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatBytes, formatPercent, processIo, runCli } from '../../src/cli/index.ts';

// The commands that a user types, one after another, on a trained model that lies beside this file.

const findRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package-lock.json'))) folder = dirname(folder);
  return folder;
};

const ROOT = findRoot();
/** This module may run from dist; the data stands with the source. */
const DATA = join(ROOT, 'examples', 'digits');
const OUT = join(ROOT, 'build', 'digits');

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** How a path is shown and typed: relative to where the user stands. */
const shown = (path: string): string => relative(process.cwd(), path) || '.';

/** Runs one command of cortexc and returns its JSON. Stops the demo when it fails. */
const cortexc = async <T>(words: readonly string[]): Promise<T> => {
  let stdout = '';
  say(`  $ cortexc ${words.join(' ')}`);
  const exit = await runCli([...words, '--json'], {
    ...processIo(),
    stdout: {
      write: (chunk) => {
        stdout += String(chunk);
      },
    },
  });
  if (exit !== 0) {
    process.stdout.write(stdout);
    process.exit(exit);
  }
  return JSON.parse(stdout) as T;
};

interface Doctor {
  readonly nodes: readonly { readonly verdict: string }[];
  readonly quantizable: boolean;
}
interface Compiled {
  readonly sourceBytes: number;
  readonly packageBytes: number;
  readonly endorphin: number;
  readonly modelHash: string;
  readonly identity: string;
  readonly accuracy: Readonly<Record<'float' | 'int8', { readonly samples: number; readonly top1: number }>>;
}
interface Ran {
  readonly ms: number;
  readonly outputs: readonly {
    readonly digest: string;
    readonly top: readonly (readonly { readonly label: string; readonly score: number }[])[];
  }[];
}

const main = async (): Promise<void> => {
  const started = process.hrtime.bigint();
  mkdirSync(OUT, { recursive: true });
  const model = shown(join(DATA, 'model.onnx'));
  const images = shown(join(DATA, 'test-images.npy'));
  const cvm = shown(join(OUT, 'digits.cvm'));
  const report = shown(join(OUT, 'report.html'));

  say('Handwritten digits: a small trained CNN, from ONNX to a package that gives the same bytes on every machine.');
  say('(Here `cortexc` is `npm run --silent cortexc --`.)\n');
  say('1. Look at the model before any work starts.');
  const doctor = await cortexc<Doctor>(['doctor', model]);
  say(`  ${doctor.nodes.length} nodes, ${doctor.quantizable ? 'all of them have an integer form' : 'some have no integer form'}.\n`);

  say('2. Import it, quantize it to INT8 with 128 training images, prove that nothing overflows, package it; test on 500 images.');
  const metadata = ['--name', 'digits', '--licence', 'CC-BY-4.0', '--labels', shown(join(DATA, 'labels.txt'))];
  const calibration = ['--calibration', shown(join(DATA, 'calibration-images.npy'))];
  const evaluation = ['--eval', images, '--eval-labels', shown(join(DATA, 'test-labels.npy'))];
  const compiled = await cortexc<Compiled>(['compile', model, '-o', cvm, ...metadata, ...calibration, ...evaluation, '--report', report]);
  const { float, int8 } = compiled.accuracy;
  say(`  float32  ${formatPercent(float.top1)} of ${float.samples} test images, ${formatBytes(compiled.sourceBytes)}`);
  say(`  INT8     ${formatPercent(int8.top1)} of ${int8.samples} test images, ${formatBytes(compiled.packageBytes)}`);
  say(`  price of a run: ${compiled.endorphin} Endorphin`);
  say(`  model hash ${compiled.modelHash}\n  identity   ${compiled.identity}\n`);

  say('3. Run the 500 images on every backend. The digest is over all result bytes.');
  const digests = new Map<string, string>();
  for (const backend of ['reference', 'wasm']) {
    const ran = await cortexc<Ran>(['run', cvm, images, '--backend', backend, '--top', '1']);
    const [output] = ran.outputs;
    digests.set(backend, output?.digest ?? '');
    say(`  ${backend.padEnd(9)}  sha256 ${output?.digest ?? ''}  (${Math.round(ran.ms)} ms)`);
    if (backend === 'wasm') say(`  the first image is a ${output?.top[0]?.[0]?.label ?? '?'}`);
  }
  const same = new Set(digests.values()).size === 1;
  say(same ? '  The same bytes everywhere.\n' : '  THE BACKENDS DIFFER. This is a bug: report it.\n');
  say(`The package is ${cvm}, the report is ${report} (open it in a browser).`);
  say(`Done in ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s.`);
  if (!same) process.exitCode = 1;
};

await main();
