import { canonicalBytes, programCost, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { ByteWriter, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { fillSteps } from '../simd/index.ts';
import { FORMAT, ID_SECTION, type Manifest, MANIFEST, type ProgramFile } from './browser/manifest.ts';
import { VECTORS, type Vector, type VectorFile } from './browser/vectors.ts';
import { type Built, buildModule } from './compile.ts';
import { pageText, readmeText } from './emit-page.ts';
import { readCompiled, type ReadScript, scriptFiles } from './emit-scripts.ts';
import { WeightsFile } from './emit-weights.ts';

/** Scratch memory is planned for so many threads; more do not take part in a run. */
const MOST_THREADS = 8;

/** A browser hands over a download as one buffer, and those of 2 GiB and more are refused. */
const MOST_WEIGHTS_BYTES = 2 ** 31 - 1;

const WEIGHTS = 'weights.bin';
const CUSTOM_SECTION = 0;

/** Adds a custom section with a text (WebAssembly core specification, section 5.5.3). */
const withSection = (module: Uint8Array, name: string, text: string): Uint8Array => {
  const content = new ByteWriter();
  content.string(name);
  content.bytes(new TextEncoder().encode(text));
  const writer = new ByteWriter();
  writer.bytes(module);
  writer.u8(CUSTOM_SECTION);
  writer.uleb(content.length);
  writer.bytes(content.finish());
  return writer.finish();
};

/** Modules for one thread and, where a step can be shared, for several. Errors: BKD0002, BKD0003, IR0008. */
const buildAll = (program: Program): Result<readonly [Built, ...Built[]]> => {
  const alone = buildModule(program, { threads: 1 });
  if (!alone.ok) return alone;
  const together = buildModule(program, { threads: MOST_THREADS });
  // more threads need more memory: a program that only then has too little runs on one
  return ok(together.ok && together.value.info.threads > 1 ? [alone.value, together.value] : [alone.value]);
};

/** The same programs with the identity that ties the files of a folder together. */
interface Described {
  readonly manifest: Manifest;
  readonly files: readonly EmittedFile[];
}

/** Error: NAT0011. */
const describe = (program: Program, [alone, ...more]: readonly [Built, ...Built[]], weights: WeightsFile): Result<Described> => {
  const fileOf = (file: string, { binary, info, lowered, functions }: Built): ProgramFile & { readonly binary: Uint8Array } => ({
    file,
    bytes: binary.length,
    info,
    fill: weights.add(fillSteps(lowered, functions)),
    binary,
  });
  const named = [fileOf('program.wasm', alone), ...more.map((built) => fileOf('program-threads.wasm', built))] as const;
  const finished = weights.finish();
  if (!finished.ok) return finished;
  const { content, sha256 } = finished.value;
  const id = sha256Hex(sha256, ...named.flatMap(({ binary, info, fill }) => [sha256Hex(binary), JSON.stringify([info, fill])]));
  const signed = named.map(({ file, binary }) => ({ name: file, content: withSection(binary, ID_SECTION, id) }));
  const entry = ({ binary: _binary, ...rest }: (typeof named)[number], i: number): ProgramFile => ({
    ...rest,
    bytes: signed[i]?.content.length ?? 0,
  });
  const [first, ...others] = named;
  const manifest: Manifest = {
    format: FORMAT,
    name: program.name,
    id,
    work: programCost(program),
    weights: { file: WEIGHTS, bytes: content.length, sha256 },
    programs: [entry(first, 0), ...others.map((p, i) => entry(p, i + 1))],
  };
  return ok({ manifest, files: [...signed, { name: WEIGHTS, content }] });
};

const vectorFiles = (program: Program, vectors: readonly (readonly Tensor[])[]): readonly EmittedFile[] => {
  const files: EmittedFile[] = [];
  const put = (name: string, tensor: Tensor): VectorFile => {
    const content = canonicalBytes(tensor);
    const file = `vectors/${name}.bin`;
    files.push({ name: file, content });
    return { file, sha256: sha256Hex(content) };
  };
  const list = vectors.map((inputs, i): Vector => {
    const name = `v${i}`;
    return {
      name,
      inputs: inputs.map((tensor, k) => put(`${name}/input${k}`, tensor)),
      outputs: runProgram(program, inputs).map((tensor, k) => put(`${name}/output${k}`, tensor)),
    };
  });
  return [{ name: VECTORS, content: `${JSON.stringify(list, undefined, 2)}\n` }, ...files];
};

const packageText = (program: Program): string => {
  const name = program.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const facts = {
    name: name === '' ? 'model' : name,
    private: true,
    type: 'module',
    main: 'loader.js',
    types: 'loader.d.ts',
    engines: { node: '>=20' },
  };
  return `${JSON.stringify(facts, undefined, 2)}\n`;
};

/**
 * A folder that runs the program in browsers and in Node, and tests itself there.
 * Errors: IR0008, BKD0002, BKD0003; NAT0011 for parameters that one download cannot hold.
 * @param read - gives the compiled scripts of the loader
 */
export const emitProgram = (
  program: Program,
  vectors: readonly (readonly Tensor[])[],
  read: ReadScript = readCompiled,
): Result<readonly EmittedFile[]> => {
  const built = buildAll(program);
  if (!built.ok) return built;
  const weights = new WeightsFile(MOST_WEIGHTS_BYTES);
  const described = describe(program, built.value, weights);
  if (!described.ok) return described;
  const { manifest, files } = described.value;
  return ok([
    { name: 'README.md', content: readmeText(program, manifest, vectors.length) },
    { name: 'index.html', content: pageText(manifest) },
    { name: 'package.json', content: packageText(program) },
    { name: MANIFEST, content: `${JSON.stringify(manifest)}\n` },
    ...scriptFiles(read),
    ...files,
    ...vectorFiles(program, vectors),
  ]);
};
