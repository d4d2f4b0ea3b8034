import { describe, expect, test } from '@jest/globals';
import { type LogOptions, pinoLog } from './pino-log.ts';

const logged = (options: Partial<LogOptions>, use: (log: ReturnType<typeof pinoLog>) => void): string[] => {
  const lines: string[] = [];
  use(pinoLog({ level: 'info', write: (line) => void lines.push(line), ...options }));
  return lines;
};

describe('the log', () => {
  test('is a line of JSON for each event, from the level on', () => {
    const lines = logged({}, (log) => {
      log.debug({}, 'nobody reads this');
      log.with({ request: 7 }).warn({ gas: 21_000n, missing: undefined }, 'a thing happened');
    });
    expect(lines).toHaveLength(1);
    const [line = ''] = lines;
    expect(line.endsWith('}\n')).toBe(true);
    const { time, ...rest } = JSON.parse(line) as { time: string };
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(rest).toEqual({ level: 'warn', request: 7, gas: '21000', msg: 'a thing happened' });
  });

  test('has no secrets and no bodies', () => {
    const [line = ''] = logged({}, (log) => log.info({ privateKey: '0x11', apiToken: 't', body: 'x'.repeat(10_000) }, 'signed'));
    expect(JSON.parse(line)).toMatchObject({ privateKey: '[withheld]', apiToken: '[withheld]' });
    expect(line.length).toBeLessThan(600);
  });

  test('is one short line at a terminal, whatever others wrote into it', () => {
    const hostile = 'a\nfake line\u001B[2J\u202E';
    const [line = ''] = logged({ short: { color: false } }, (log) => log.error({ model: 'ab', reason: hostile }, `text ${hostile}`));
    expect(line).toMatch(/^\d\d:\d\d:\d\d error text a fake line \[2J  model=ab reason="a\\\\u000afake line\\\\u001b\[2J\\\\u202e"\n$/);
    expect(line.split('\n')).toHaveLength(2);
    const [colored = ''] = logged({ short: { color: true } }, (log) => log.error({}, 'x'));
    expect([colored.slice(0, 5), colored.slice(-5)]).toEqual(['\u001B[31m', '\u001B[0m\n']);
  });

  test('goes on when it cannot be written', () => {
    const write = (): never => {
      throw new Error('no space left on device');
    };
    expect(() => logged({ write }, (log) => log.error({}, 'lost'))).not.toThrow();
  });
});
