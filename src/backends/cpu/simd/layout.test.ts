import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Slot } from './context.ts';
import { layOut, PAGE_BYTES } from './layout.ts';

const life = fc.record({
  bytes: fc.integer({ min: 0, max: 3000 }),
  first: fc.integer({ min: 0, max: 20 }),
  length: fc.integer({ min: 0, max: 9 }),
});

describe('memory plan', () => {
  test('what lives at the same time does not overlap', () => {
    fc.assert(
      fc.property(fc.array(life, { maxLength: 30 }), fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 5 }), (lives, sizes) => {
        const arena = lives.map((l) => ({ slot: new Slot(l.bytes), first: l.first, last: l.first + l.length }));
        const persistent = sizes.map((s) => new Slot(s));
        const scratch = sizes.map((s) => new Slot(s));
        const bytes = layOut({ persistent, initial: sizes.map((s) => new Slot(s)), arena, scratches: [scratch] });
        const all = { first: -1, last: 1000 };
        const everything = [...arena, ...[...persistent, ...scratch].map((slot) => ({ slot, ...all }))].filter((l) => l.slot.bytes > 0);
        for (const [i, a] of everything.entries()) {
          expect(a.slot.address + a.slot.bytes).toBeLessThanOrEqual(bytes);
          for (const b of everything.slice(i + 1)) {
            if (a.last < b.first || b.last < a.first) continue;
            const apart = a.slot.address + a.slot.bytes <= b.slot.address || b.slot.address + b.slot.bytes <= a.slot.address;
            expect(apart).toBe(true);
          }
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });
  test('lifetimes one after another share their place', () => {
    const arena = Array.from({ length: 50 }, (_, i) => ({ slot: new Slot(PAGE_BYTES), first: i, last: i + 1 }));
    const bytes = layOut({ persistent: [], initial: [], arena, scratches: [] });
    expect(Math.ceil(bytes / PAGE_BYTES)).toBe(7);
  });
});
