import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parameterFile } from '../../src/backends/gpu/cuda/emit.ts';
import { cudaSource } from '../../src/backends/gpu/cuda/source.ts';
import { unwrap } from '../../src/support/index.ts';
import { batchVector, readBuilt, writeBuilt } from './device-folder.ts';
import { torchRows } from './device-torch.ts';
import { networkProgram, STREAM_NETWORKS } from './networks/architectures.ts';
import { runStream, type StreamModel, streamOrder } from './stream.ts';

const bytes = (...values: readonly number[]): readonly Uint8Array[] => [Uint8Array.from(values)];

/** A model that gives `given` for each picture, where `wanted` is expected. */
const model = (given: number, wanted: number): StreamModel => ({
  pictures: [{ inputs: [], expected: bytes(wanted) }],
  run: () => bytes(given),
});

describe('the stream', () => {
  test('has the eight networks of the white paper', () => {
    expect(STREAM_NETWORKS).toHaveLength(8);
  });

  test('takes models and pictures at random, the same every time', () => {
    const [a, b] = [streamOrder(8, 2), streamOrder(8, 2)];
    const order = Array.from({ length: 800 }, () => a());
    expect(Array.from({ length: 800 }, () => b())).toEqual(order);
    for (let m = 0; m < 8; m++) expect(Math.abs(order.filter(([k]) => k === m).length - 100)).toBeLessThan(50);
    expect(new Set(order.map(([, picture]) => picture))).toEqual(new Set([0, 1]));
  });

  test('counts images of each model and results with other bytes', () => {
    const { images, wrong, counts } = runStream([model(1, 1), model(2, 3)], { images: 100, milliseconds: 60_000 });
    expect(images).toBe(100);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(100);
    expect(wrong).toBe(counts[1]);
    expect(wrong).toBeGreaterThan(0);
  });

  test('ends when its time is over', () => {
    expect(runStream([model(1, 1)], { images: Number.POSITIVE_INFINITY, milliseconds: 5 }).images).toBeGreaterThan(0);
  });
});

describe('what is prepared for a device', () => {
  test('a batch has the images in turns', () => {
    const vectors = [
      { inputs: bytes(1, 2), outputs: bytes(3) },
      { inputs: bytes(4, 5), outputs: bytes(6) },
    ];
    expect(batchVector(vectors, 3)).toEqual({ inputs: bytes(1, 2, 4, 5, 1, 2), outputs: bytes(3, 6, 3) });
  });

  test('a program that was kept has its tables, parameters and modules', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cortexc-bench-'));
    try {
      const program = unwrap(cudaSource(networkProgram('lenet', 1).program));
      const images = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
      writeBuilt(join(folder, 'lenet'), { program, images });
      const kept = readBuilt(join(folder, 'lenet'));
      expect(kept.images).toEqual(images);
      const { file: _, units: _units, ...tables } = kept.program;
      expect(program).toMatchObject(tables);
      expect(parameterFile(kept.program)).toEqual(parameterFile(program));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('rows of torch_peer.py are read, also of a run that was stopped', () => {
  const row = { network: 'resnet50', batch: 1, peer: 'torch', device: 'a card', median_ms: 0.5 };
  expect(torchRows(`${JSON.stringify(row)}\n{"network": "vgg16"}\n{"netw`)).toEqual([row]);
});
