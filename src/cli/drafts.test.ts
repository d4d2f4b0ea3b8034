import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { unwrap } from '../support/index.ts';
import { draftFile } from './drafts.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-drafts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('pieces of any size are written in their order', () => {
  const sizes = [10, 600_000, 3, 400_000, 400_000, 400_000, 1_048_576, 0, 524_288, 524_289, 2_000_000, 1];
  const pieces = sizes.map((n, i) => new Uint8Array(n).fill(i + 1));
  const draft = unwrap(draftFile(folder, 'pieces.bin', pieces));
  unwrap(draft.commit());
  expect(Buffer.compare(readFileSync(join(folder, 'pieces.bin')), Buffer.concat(pieces))).toBe(0);
});
