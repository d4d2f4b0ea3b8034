import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalBytes, formatType, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { ok, type Result } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { compiledScripts, hostScript, type ReadScript } from '../browser-scripts.ts';
import { findGpuJsFolder, type GpuJsFolder } from './host/find.ts';
import type { Folder, StoredArray, Vector } from './host/loader.ts';
import { lowerProgram, type LoweredProgram } from './lower.ts';
import { testProgram } from './self-test.ts';

/** gpu.js for browsers, with its parser. */
const LIBRARY = 'gpu-browser.min.js';

const ALIGNMENT = 4;

/** The smallest type that has all elements of an array. */
const narrowest = (floats: Float32Array<ArrayBuffer>): { readonly type: StoredArray['type']; readonly bytes: Uint8Array } => {
  const isWithin = (limit: number): boolean => floats.every((v) => Number.isInteger(v) && v >= -limit && v < limit);
  if (isWithin(2 ** 7)) return { type: 'i8', bytes: new Uint8Array(Int8Array.from(floats).buffer) };
  if (isWithin(2 ** 15)) return { type: 'i16', bytes: new Uint8Array(Int16Array.from(floats).buffer) };
  return { type: 'f32', bytes: new Uint8Array(floats.buffer) };
};

/** All parameters one after another. */
const storeParameters = ({ program, content }: LoweredProgram): { readonly list: readonly StoredArray[]; readonly bytes: Uint8Array } => {
  const list: StoredArray[] = [];
  const parts: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  let offset = 0;
  for (const array of program.parameters) {
    const { type, bytes } = narrowest(content(array));
    list.push({ array, type, offset });
    parts.push({ offset, bytes });
    offset += Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
  }
  const all = new Uint8Array(offset);
  for (const part of parts) all.set(part.bytes, part.offset);
  return { list, bytes: all };
};

/** model.json with parameters and vectors, all in one folder. Errors: those of `lowerProgram`. */
const modelFiles = (program: Program, vectors: readonly (readonly Tensor[])[], folder: string): Result<readonly EmittedFile[]> => {
  const lowered = lowerProgram(program);
  if (!lowered.ok) return lowered;
  const files: EmittedFile[] = [];
  const put = (name: string, content: Uint8Array): string => {
    files.push({ name: `${folder}${name}`, content });
    return name;
  };
  const { list: parameters, bytes } = storeParameters(lowered.value);
  put('parameters.bin', bytes);
  const list = vectors.map(
    (inputs, v): Vector => ({
      inputs: inputs.map((t, i) => put(`vectors/v${v}-input${i}.bin`, canonicalBytes(t))),
      outputs: runProgram(program, inputs).map((t, i) => put(`vectors/v${v}-output${i}.bin`, canonicalBytes(t))),
    }),
  );
  const description: Folder = { program: lowered.value.program, parameters, vectors: list };
  return ok([{ name: `${folder}model.json`, content: `${JSON.stringify(description)}\n` }, ...files]);
};

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Integer program on gpu.js</title>
<pre id="told">loading</pre>
<script type="module">
  import { load } from './loader.js';
  const told = document.getElementById('told');
  const mode = new URLSearchParams(location.search).get('mode');
  try {
    const model = await load('./', mode === null ? {} : { mode });
    told.textContent = [model.name + ' in mode ' + model.mode, ...model.warnings, ''].join('\\n');
    const problems = await model.check();
    told.textContent += problems.length === 0 ? 'all vectors give the expected bytes' : problems.join('\\n');
  } catch (error) {
    told.textContent = String(error) + (error.help === undefined ? '' : '\\n' + error.help);
  }
</script>
`;

const readme = (program: Program, version: string): string => {
  const row = (name: string, type: string): string => `| ${name} | ${type} |\n`;
  const rows = (ports: Program['inputs']): string =>
    ports.map(({ name, value }) => row(name, formatType(program.types[value] ?? { dtype: 'i8', shape: [] }))).join('');
  return `# ${program.name}: an integer program for gpu.js

Serve this folder over https or from localhost and open index.html: it runs the vectors and tells whether every byte is right.
\`index.html?mode=webgl2\` takes that mode only.

    import { load } from './loader.js';
    const model = await load('./');              // webgpu, webgl2, webgl, webasm or cpu: model.mode tells
    const [output] = await model.run([bytes]);   // bytes of the inputs in order, row-major, little-endian

The kernels are text in model.json, sums and products of float32 that are exact on every device. A mode is tested with extreme values before the model
runs in it (self-test/); where a byte differs the next mode is taken, and model.warnings says so.

${LIBRARY} is gpu.js ${version} (https://gpu.rocks), under the licence in LICENSE-gpu.js.

| input | type |
|---|---|
${rows(program.inputs)}
| output | type |
|---|---|
${rows(program.outputs)}`;
};

export interface EmitOptions {
  /** Gives the compiled scripts. */
  readonly read?: ReadScript;
  /** The package that the folder gets its library from. */
  readonly found?: GpuJsFolder;
}

/**
 * A folder that runs the program in browsers, and tests itself there. Errors: IR0008, BKD0002; GPU0020 without gpu.js, of which it has a copy.
 */
export const emitProgram = (
  program: Program,
  vectors: readonly (readonly Tensor[])[],
  { read = compiledScripts(import.meta.url, 'src/backends/gpu/gpujs'), found: given }: EmitOptions = {},
): Result<readonly EmittedFile[]> => {
  const own = modelFiles(program, vectors, '');
  if (!own.ok) return own;
  const found = given === undefined ? findGpuJsFolder() : ok(given);
  if (!found.ok) return found;
  const { program: tested, inputs } = testProgram();
  const test = modelFiles(tested, [inputs], 'self-test/');
  if (!test.ok) return test;
  const { folder, version } = found.value;
  return ok([
    { name: 'README.md', content: readme(program, version) },
    { name: 'index.html', content: PAGE },
    hostScript('loader', read),
    hostScript('runtime', read),
    { name: LIBRARY, content: new Uint8Array(readFileSync(join(folder, 'dist', LIBRARY))) },
    { name: 'LICENSE-gpu.js', content: new Uint8Array(readFileSync(join(folder, 'LICENSE'))) },
    ...own.value,
    ...test.value,
  ]);
};
