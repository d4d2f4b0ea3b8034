import { canonicalBytes, formatType, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { ok, type Result } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { compiledScripts, hostScript, type ReadScript } from '../browser-scripts.ts';
import type { Folder, Vector } from './host/loader.ts';
import { lowerProgram } from './lower.ts';
import { testProgram } from './self-test.ts';

const readCompiled = compiledScripts(import.meta.url, 'src/backends/gpu/webgpu');

/** model.json with parameters and vectors, all in one folder. Errors: those of `lowerProgram`. */
const modelFiles = (program: Program, vectors: readonly (readonly Tensor[])[], folder: string): Result<readonly EmittedFile[]> => {
  const lowered = lowerProgram(program);
  if (!lowered.ok) return lowered;
  const files: EmittedFile[] = [];
  const put = (name: string, content: Uint8Array): string => {
    files.push({ name: `${folder}${name}`, content });
    return name;
  };
  const parameters = lowered.value.program.parameterBytes.map((_, n) => put(`parameters${n}.bin`, lowered.value.parameters(n)));
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
<title>Integer program on WebGPU</title>
<pre id="told">loading</pre>
<script type="module">
  import { load } from './loader.js';
  const told = document.getElementById('told');
  try {
    const model = await load('./');
    told.textContent = model.name + ' on ' + model.device + '\\n';
    const problems = await model.check();
    told.textContent += problems.length === 0 ? 'all vectors give the expected bytes' : problems.join('\\n');
  } catch (error) {
    told.textContent = String(error) + (error.help === undefined ? '' : '\\n' + error.help);
  }
</script>
`;

const readme = (program: Program): string => {
  const row = (name: string, type: string): string => `| ${name} | ${type} |\n`;
  const rows = (ports: Program['inputs']): string =>
    ports.map(({ name, value }) => row(name, formatType(program.types[value] ?? { dtype: 'i8', shape: [] }))).join('');
  return `# ${program.name}: an integer program in WGSL

Serve this folder over https or from localhost and open index.html: it runs the vectors and tells whether every byte is right.

    import { load } from './loader.js';
    const model = await load('./');
    const [output] = await model.run([bytes]);   // bytes of the inputs in order, row-major, little-endian

A device is tested with extreme values before the model runs on it, and refused when a byte differs (self-test/).

| input | type |
|---|---|
${rows(program.inputs)}
| output | type |
|---|---|
${rows(program.outputs)}`;
};

/**
 * A folder that runs the program in browsers with WebGPU, and tests itself there. Errors: IR0008, BKD0002, BKD0003.
 * @param read - gives the compiled scripts
 */
export const emitProgram = (
  program: Program,
  vectors: readonly (readonly Tensor[])[],
  read: ReadScript = readCompiled,
): Result<readonly EmittedFile[]> => {
  const own = modelFiles(program, vectors, '');
  if (!own.ok) return own;
  const { program: tested, inputs } = testProgram();
  const test = modelFiles(tested, [inputs], 'self-test/');
  if (!test.ok) return test;
  return ok([
    { name: 'README.md', content: readme(program) },
    { name: 'index.html', content: PAGE },
    hostScript('loader', read),
    hostScript('runtime', read),
    ...own.value,
    ...test.value,
  ]);
};
