import { expect, test } from '@jest/globals';
import { createProgress } from './progress.ts';

const scripted = (terminal: boolean) => {
  const written: string[] = [];
  const clock = { time: 0 };
  const progress = createProgress({
    stderr: { isTTY: terminal, columns: 80, write: (chunk: string | Uint8Array) => written.push(String(chunk)) },
    now: () => clock.time,
  });
  return { written, clock, progress };
};

test('on a terminal: a bar with rate and time left, at most ten a second, removed at the end', () => {
  const { written, clock, progress } = scripted(true);
  for (let i = 0; i <= 100; i++) {
    progress.step('running', i, 100, 'layer');
    clock.time += 20;
  }
  expect(written.length).toBeLessThanOrEqual(21);
  expect(written.at(-1)).toBe('\r\u001b[2K[========================] running 100/100 (100 %) layer');
  expect(written.some((w) => w.includes('50.0/s') && w.includes('1.0 s left'))).toBe(true);
  expect(written.every((w) => w.length < 90)).toBe(true);
  progress.clear();
  expect(written.at(-1)).toBe('\r\u001b[2K');
});

test('elsewhere: plain lines, at most one in three seconds, none for short work', () => {
  const { written, clock, progress } = scripted(false);
  for (let i = 0; i < 100; i++) {
    progress.step('running', i, 100);
    clock.time += 100;
  }
  expect(written).toEqual([
    'running 30/100 (30 %), 10.0/s, 7.0 s left\n',
    'running 60/100 (60 %), 10.0/s, 4.0 s left\n',
    'running 90/100 (90 %), 10.0/s, 1.0 s left\n',
  ]);
});
