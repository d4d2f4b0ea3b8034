// onnxruntime-web in Node, on WebAssembly with SIMD: MODEL.onnx [--threads N] [--batch B] [--input FILE] [--shape D,D,...].
// Protocol: bench/peers/cpu/serve.py.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-web';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '1' },
    input: { type: 'string' },
  },
});
ort.env.wasm.numThreads = Number(values.threads);
ort.env.logLevel = 'error';
const session = await ort.InferenceSession.create(readFileSync(positionals[0]), { executionProviders: ['wasm'] });
const [{ name, shape }] = session.inputMetadata;
const dims = shape.map((d) => (typeof d === 'number' ? d : Number(values.batch)));
const count = dims.reduce((n, d) => n * d, 1);
const file = values.input === undefined ? undefined : readFileSync(values.input);
const data =
  file === undefined ? Float32Array.from({ length: count }, (_, i) => Math.sin(i)) : new Float32Array(new Uint8Array(file).buffer);
const feeds = { [name]: new ort.Tensor('float32', data, dims) };

await session.run(feeds);
console.log(JSON.stringify({ peer: `onnxruntime-web ${ort.env.versions.web}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const times = [];
  for (let i = 0; i < Number(line); i++) {
    const started = performance.now();
    await session.run(feeds);
    times.push(performance.now() - started);
  }
  console.log(JSON.stringify(times));
}
process.exit(0);
