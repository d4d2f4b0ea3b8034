import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { examined, farOutputs } from './testing/open.ts';

/** Models with an output for each layer, and what Keras 2 and 3 make of them: testing/record.py writes them. */
const FOLDER = join(import.meta.dirname, 'testing', 'recorded');
const unpacked = (name: string): Uint8Array => new Uint8Array(gunzipSync(readFileSync(join(FOLDER, name))));
const outputs = Object.fromEntries(
  [1, 2, 3].map((v) => [v, JSON.parse(new TextDecoder().decode(unpacked(`outputs${v}.json.gz`))) as Record<string, number[][]>]),
);

const files = readdirSync(FOLDER).filter((f) => /\.(h5|keras)\.gz$/.test(f));

describe('what Keras makes of its layers', () => {
  test.each(files)('%s', (file) => {
    const [, name = '', version = ''] = /^(\w+)([123])\./.exec(file) ?? [];
    const report = examined(unpacked(file), file.replace(/\.gz$/, ''));
    expect(report.problems).toEqual([]);
    expect(farOutputs(report, outputs[version]?.[name] ?? [])).toEqual([]);
  });
});
