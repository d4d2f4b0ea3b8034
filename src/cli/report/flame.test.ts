import { describe, expect, test } from '@jest/globals';
import type { Profile } from '../pipeline/profile.ts';
import { profileText } from '../pipeline/profile.ts';
import { flameHtml, flameSvg } from './flame.ts';

const step = (place: string, op: 'conv' | 'relu', milliseconds: number, macs = 0) => ({ place, op, milliseconds, macs });

const profile: Profile = {
  steps: [
    step('/a/b/conv', 'conv', 6, 12e6),
    step('/a/b/<relu>', 'relu', 1),
    step('/a/c', 'conv', 2, 8e6),
    step('node 3 (relu)', 'relu', 1),
  ],
  runs: 5,
  totalMs: 10,
  peak: { instruction: 'mac', gmacs: 8 },
};

/** Width of the box with a title, in units of a millisecond. */
const widthOf = (svg: string, title: string): number => {
  const width = new RegExp(`<title>${title}[^<]*</title><rect [^>]*width="([\\d.]+)"`).exec(svg)?.[1];
  return (Number(width) * profile.totalMs) / 1180;
};

describe('profile', () => {
  test('picture: a box for each step and each common beginning, as wide as its time; names are text', () => {
    const svg = flameSvg(profile, 'm & n');
    const wanted = [
      ['/a: ', 9],
      ['a/b: ', 7],
      ['/a/b/conv ', 6],
      ['/a/b/&lt;relu&gt; ', 1],
      ['/a/c ', 2],
      ['node 3 ', 1],
    ] as const;
    for (const [title, ms] of wanted)
      expect([title, widthOf(svg, title.replace(/^[/](?=a: )/, ''))]).toEqual([title, expect.closeTo(ms, 1)]);
    expect(svg).toContain('m &amp; n: 10.00 ms a run');
    expect(svg).not.toContain('<relu>');
    expect(flameHtml(profile, 'm & n')).toContain('Steps, the slowest first');
  });

  test('table: share, rate and share of the peak', () => {
    const text = profileText(profile);
    expect(text).toMatch(/^\/a\/b\/conv +conv +6\.000 +60\.0 % +12,000,000 +2\.0 +25\.0 %$/m);
    expect(text).toMatch(/^node 3 +relu +1\.000 +10\.0 %$/m);
    expect(text).toMatch(/^conv +2 +8\.000 +80\.0 % +20,000,000 +2\.5 +31\.3 %$/m);
  });
});
