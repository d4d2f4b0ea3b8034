import { expect, test } from '@jest/globals';
import { runSteps } from './cpu/steps.ts';
import { type Bench, formatRow, type Row, ROW_HEADER, summarize } from './rows.ts';

const row = (name: string, more: Partial<Row>): Row => ({ bench: 'b', name, unit: 'x', ...more });
const ROWS: readonly Row[] = [
  row('fast', { value: 2, goal: '>= 1', met: true }),
  row('slow', { value: 0.5, goal: '>= 1', met: false, peer: 'the other one' }),
  row('absent', { goal: '>= 1', skipped: 'not installed: no cargo' }),
  row('told', { value: 7 }),
];

test('a row stands under the names of its columns', () => {
  const [, slow = ''] = ROWS.map(formatRow);
  for (const [title, text] of [
    ['met', 'NO'],
    ['name', 'slow'],
    ['unit', 'x'],
    ['goal', '>= 1'],
    ['peer', 'the other one'],
  ] as const)
    expect(slow.slice(ROW_HEADER.indexOf(title)).startsWith(text)).toBe(true);
});

test('the summary counts goals and tells those that were missed or not measured', () => {
  const text = summarize(ROWS);
  expect(text).toContain('3 goals: 1 met, 1 missed, 1 not measured');
  expect(text).toMatch(/missed:\nNO +slow .*\nnot measured:\nskipped +absent .*not installed: no cargo/);
  expect(text).not.toContain('told');
});

test('steps say their place and the time left; one that fails is a row, and the rest goes on', async () => {
  const rows: Omit<Row, 'bench'>[] = [];
  const said: string[] = [];
  const bench: Bench = {
    quick: false,
    onlyPrepare: false,
    data: undefined,
    wants: () => true,
    row: (r) => rows.push(r),
    say: (text) => said.push(text),
  };
  const fails = (): Promise<void> => Promise.reject(new Error('no luck'));
  await runSteps(bench, 'step', [
    { name: 'first', seconds: 30, run: fails },
    { name: 'second', seconds: 90, run: async (told) => told.row({ name: 'found', unit: '' }) },
  ]);
  expect(rows).toMatchObject([{ name: 'first', value: 'failed', met: false, peer: 'no luck' }, { name: 'found' }]);
  expect(said[0]).toBe('step 1 of 2, about 2 min 00 s left: first');
  expect(said[1]).toMatch(/^step 2 of 2, about .+ left: second$/);
});
