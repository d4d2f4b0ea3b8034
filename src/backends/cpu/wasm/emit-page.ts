import { formatType, type Port, type Program, typeOf } from '../../../ir/index.ts';
import type { Manifest } from './browser/manifest.ts';

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
/** Text in a cell of a table: names of models are anybody's. */
const escapeCell = (text: string): string => text.replace(/[|\\`<\r\n]/g, (c) => (c === '\n' || c === '\r' ? ' ' : `\\${c}`));

/** The page that tries the model out in a browser; demo.js is its script. */
export const pageText = ({ name, weights }: Manifest): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(name)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
  #warnings { white-space: pre-line; color: #8a4b00; }
</style>
<h1>${escapeHtml(name)}</h1>
<p>Runs the model's test vectors in this browser and compares every byte with what the reference interpreter gives. The weights have ${weights.bytes} bytes.</p>
<p><label>Threads <input id="threads" type="number" min="0" max="8" value="0"> (0: chosen by the work)</label> <button id="run">Run again</button></p>
<p id="status" role="status">loading</p>
<p id="warnings"></p>
<table>
  <thead><tr><th>vector</th><th>result</th><th>time</th><th>SHA-256 of the outputs</th></tr></thead>
  <tbody id="results"></tbody>
</table>
<script type="module" src="demo.js"></script>
</html>
`;

const portRows = (program: Program, ports: readonly Port[]): string =>
  ports.map((p) => `| ${escapeCell(p.name)} | ${formatType(typeOf(program, p.value))} |\n`).join('');

/** Example code: an input of the first kind that the model takes. */
const exampleInput = (program: Program, { programs: [{ info }] }: Manifest): string => {
  const [input] = program.inputs;
  const [port] = info.inputs;
  if (input === undefined || port === undefined) return '[]';
  const arrays = {
    i8: 'Int8Array',
    i6: 'Int8Array',
    u8: 'Uint8Array',
    bool: 'Uint8Array',
    i16: 'Int16Array',
    i32: 'Int32Array',
    f32: 'Float32Array',
  };
  return `{ ${JSON.stringify(input.name)}: new ${arrays[port.dtype]}(${port.shape.reduce((n, d) => n * d, 1)}) }`;
};

const useText = (program: Program, manifest: Manifest): string => `## Use

\`\`\`js
import { load } from './loader.js';

const model = await load('./', { threads: 2, onProgress: (loaded, total) => console.log(loaded, total) });
const outputs = model.run(${exampleInput(program, manifest)});
console.log(outputs[0].name, outputs[0].data, model.warnings);
model.close();
\`\`\`

\`load(source, options)\` takes the folder or its model.json: a URL, an address relative to the page, in Node also a path; its own folder when
left out. \`run\` takes typed arrays in row-major order, as a list or by the names of the inputs, and gives a list of
\`{ name, dtype, shape, data }\`. It says which input does not fit, what it takes and what was given. It runs synchronously, so a page that has
to stay responsive loads the model in a worker of its own. loader.d.ts has all types. What is thrown is a \`ModelError\` with a code
(\`cortexc explain CODE\`) and a remedy.
`;

const HOSTING = `## Serving it

- Any server of files will do. \`.wasm\` files should go out as \`application/wasm\`: then the browser compiles while it downloads, and may
  keep the machine code. With another type the model runs as well, and \`model.warnings\` says so.
- Threads need shared memory, which browsers give to pages that are served over https (or from localhost) with these headers:

      Cross-Origin-Opener-Policy: same-origin
      Cross-Origin-Embedder-Policy: require-corp

  Without them the model runs on one thread with the same bytes, and \`model.warnings\` says so.
- A Content-Security-Policy has to allow \`script-src 'wasm-unsafe-eval'\` and, for threads, \`worker-src blob:\`.
- weights.bin compresses well where weights repeat: let the server send it with gzip or brotli.
`;

/** README.md of an emitted folder. */
export const readmeText = (program: Program, manifest: Manifest, vectors: number): string => {
  const [, together] = manifest.programs;
  return `# ${escapeCell(program.name)}: a model in WebAssembly

It gives the same bytes in every browser, in Node >= 20, and on every other backend of cortexc. Nothing here needs a build or another package.

    node check.mjs           # ${vectors} runs on 1 and 2 threads, compared with the bytes of the reference interpreter
    node serve.mjs           # http://localhost:8080/ does the same in a browser

| input | type |
|---|---|
${portRows(program, program.inputs)}
| output | type |
|---|---|
${portRows(program, program.outputs)}
${useText(program, manifest)}
${HOSTING}
## Files

| file | what it is |
|---|---|
| loader.js, loader.d.ts | the loader, the same for all models |
| model.json | inputs, outputs, memory plan, digests |
| program.wasm | the program for one thread: code made for this model's shapes |
${together === undefined ? '' : `| ${together.file} | the same for up to ${together.info.threads} threads; a page loads one of the two |\n`}| weights.bin | weights and tables, ${manifest.weights.bytes} bytes, SHA-256 ${manifest.weights.sha256} |
| vectors/, vectors.js, check.mjs | test vectors (raw elements, little-endian) with the SHA-256 that \`cortexc run\` prints, and what runs them |
| index.html, demo.js, serve.mjs | a page that runs the vectors, and a server with the headers that threads need |
`;
};
