import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { DEFAULT_CONFIG } from '../isa/config.ts';
import { memoryBlocks } from './estimate.ts';
import { chooseCore, configurations, DEVICES, deviceByName, estimateCore, shortages } from './index.ts';

describe('devices', () => {
  test('names and aliases are each of one device, and every device is found by all of its', () => {
    const names = DEVICES.flatMap((d) => [d.name, d.part.toLowerCase(), ...d.aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const d of DEVICES) for (const name of [d.name, d.part, ...d.aliases]) expect(deviceByName(name.toUpperCase())).toBe(d);
  });

  test('what is chosen fits the device that it is chosen for, and nothing better does', () => {
    for (const device of DEVICES)
      for (const bits of [8, 6] as const) {
        const chosen = chooseCore(device.name, { bits });
        if (!chosen.ok) continue;
        const candidates = configurations(bits, device);
        const place = candidates.findIndex((c) => JSON.stringify(c) === JSON.stringify(chosen.value.config));
        expect(shortages(chosen.value.estimate, device)).toEqual([]);
        for (const better of candidates.slice(0, place)) expect(shortages(estimateCore(better, device.family), device)).not.toEqual([]);
      }
  });

  test('a device that is too small is told with the numbers and the smallest that fits', () => {
    const small = chooseCore('xc7z010');
    expect(small).toMatchObject({ ok: false, diagnostics: [{ code: 'FPG0021' }] });
    if (small.ok) return;
    const text = JSON.stringify(small.diagnostics);
    expect(text).toContain('288 DSP blocks of 80');
    expect(text).toContain('--device zu3eg');
    expect(chooseCore('zu3eg').ok).toBe(true);
  });

  test('6 bits fit a Zynq-7020, which has too few DSP slices for 8: two products a slice', () => {
    expect(chooseCore('pynq-z2', { bits: 8 }).ok).toBe(false);
    expect(unwrap(chooseCore('pynq-z2', { bits: 6 })).config).toMatchObject({ array: true, bits: 6, pack: true });
  });

  test('a DE10-Nano has room for the array of 8 bits', () => {
    expect(unwrap(chooseCore('de10-nano')).config).toMatchObject({ array: true, bits: 8, pack: false });
  });

  test('there is no such device', () => {
    expect(chooseCore('xc9z999')).toMatchObject({ ok: false, diagnostics: [{ code: 'FPG0020' }] });
  });

  test('memory blocks: 512 KiB, 256 KiB and 32 KiB of the array and 16 KiB of each cache', () => {
    const config = unwrap(chooseCore('xcvu9p')).config;
    // 128 bits are two blocks of 72; 2048 bits are 29: 2 x 64, 29 x 2, 2 x 4 and 2 x 2 for each cache
    expect(memoryBlocks(config, 'xcup')).toBe(128 + 58 + 8 + 2 * 4);
  });

  test('memory blocks of Altera: each of 256 values of an entry has a memory of its own', () => {
    const config = { ...DEFAULT_CONFIG, columns: true, scratchBeats: 4096, weightEntries: 256, parameterBeats: 512 };
    // of 40 bits and 256 words: 4 x 16 of activations, 4 x 2 of parameters, 4 x 4 of each cache
    expect(memoryBlocks(config, 'cyclonev')).toBe(4 * 16 + 256 + 4 * 2 + 2 * 4 * 4);
    expect(memoryBlocks({ ...config, weightEntries: 1025 }, 'cyclonev')).toBe(4 * 16 + 512 + 4 * 2 + 2 * 4 * 4);
  });
});
