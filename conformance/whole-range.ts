// npm run whole-range -- [--backend NAME] [--ops exp,log] [--update]: runs float functions on all 2^32 float32 values and compares the
// SHA-256 of the results with conformance/whole-range.json (NUMERICS §8 I). Minutes a function; not part of the tests.
import { readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/backends/index.ts';
import { isOpName, type OpName, ProgramBuilder } from '../src/ir/index.ts';
import { at, compareCodeUnits, unwrap } from '../src/support/index.ts';

const OPS = ['exp', 'log', 'sigmoid', 'tanh'] as const;
const CHUNK = 2 ** 20;
const CHUNKS = 2 ** 32 / CHUNK;

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'wasm' },
    ops: { type: 'string', default: OPS.join() },
    update: { type: 'boolean', default: false },
  },
});

/** The committed digests: this file runs from dist/conformance. */
const FILE = join(dirname(fileURLToPath(import.meta.url)), '../../conformance/whole-range.json');
const committed = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, string>;

/** SHA-256 over the little-endian results for the bit patterns 0, 1, 2, … in order. */
const digestOf = async (op: OpName): Promise<string> => {
  const builder = new ProgramBuilder(op);
  const [y] = unwrap(builder.tryEmit(op, [builder.input('x', { dtype: 'f32', shape: [CHUNK] })], {}, op));
  if (y === undefined) throw new TypeError(`${op} has no result`);
  builder.output('y', y);
  const executable = unwrap(unwrap(await loadBackend(values.backend)).compile(builder.finish()));
  const bits = new Uint32Array(CHUNK);
  const x = { dtype: 'f32', shape: [CHUNK], data: new Float32Array(bits.buffer) } as const;
  const hash = createHash('sha256');
  const started = performance.now();
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    for (let i = 0; i < CHUNK; i++) bits[i] = chunk * CHUNK + i;
    const { data } = at(executable.run([x]), 0);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    if (chunk % 256 === 255) {
      const left = ((performance.now() - started) / (chunk + 1)) * (CHUNKS - chunk - 1);
      process.stderr.write(`${op}: ${Math.round((100 * (chunk + 1)) / CHUNKS)} %, ${Math.round(left / 1000)} s left\n`);
    }
  }
  return hash.digest('hex');
};

let different = 0;
for (const op of values.ops.split(',')) {
  if (!isOpName(op)) {
    process.stderr.write(`there is no op ${op}\n`);
    process.exit(2);
  }
  const digest = await digestOf(op);
  const verdict = committed[op] === undefined ? 'new' : committed[op] === digest ? 'equal' : 'DIFFERENT';
  if (values.update) committed[op] = digest;
  else if (verdict === 'DIFFERENT') different++;
  process.stdout.write(`${op} on ${values.backend}: ${digest} ${verdict}\n`);
}
if (values.update) {
  const sorted = Object.fromEntries(Object.entries(committed).toSorted(([a], [b]) => compareCodeUnits(a, b)));
  writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
}
process.exitCode = different === 0 ? 0 : 1;
