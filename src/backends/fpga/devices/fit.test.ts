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
    // 16 lanes of 4 products, 24 products of the output stage and 8 of the processor
    expect(text).toContain('96 DSP blocks of 80');
    expect(text).toContain('--device xc7z020');
    expect(chooseCore('xc7z020').ok).toBe(true);
  });

  test('a Zynq-7020 has DSP slices for 128 products of 8 bits, and for 256 of 6 bits: two a slice', () => {
    expect(unwrap(chooseCore('pynq-z2', { bits: 8 })).config).toMatchObject({ array: true, groups: 1, inputs: 8, pack: false });
    expect(unwrap(chooseCore('pynq-z2', { bits: 6 })).config).toMatchObject({ array: true, groups: 1, inputs: 16, pack: true });
  });

  test('large devices have 1024 products a cycle, with a copy of the activations for each group', () => {
    const { config, estimate } = unwrap(chooseCore('kcu105'));
    expect(config).toMatchObject({ groups: 4, inputs: 16, pack: true });
    // 128 multipliers and 24 of the output stage for each group, 8 of the processor
    expect(estimate.dsps).toBe(4 * (128 + 24) + 8);
  });

  test('a DE10-Nano has room for the array of 8 bits', () => {
    expect(unwrap(chooseCore('de10-nano')).config).toMatchObject({ array: true, bits: 8, pack: false });
  });

  test('there is no such device', () => {
    expect(chooseCore('xc9z999')).toMatchObject({ ok: false, diagnostics: [{ code: 'FPG0020' }] });
  });

  test('memory blocks: 4 copies of 512 KiB, 256 KiB and 32 KiB of the array and 16 KiB of each cache', () => {
    const config = unwrap(chooseCore('xcvu9p')).config;
    // 128 bits are two blocks of 72; 2048 bits are 29: 4 x 2 x 64, 29 x 2, 8 banks of 2 and 2 x 2 for each cache
    expect(memoryBlocks(config, 'xcup')).toBe(4 * 128 + 58 + 8 * 2 + 2 * 4);
  });

  test('memory blocks of Altera: each of 256 values of an entry has a memory of its own', () => {
    const config = { ...DEFAULT_CONFIG, columns: true, scratchBeats: 4096, weightEntries: 256, parameterBeats: 512 };
    // of 40 bits and 256 words: 4 x 16 of activations, 4 x 2 of parameters, 4 x 4 of each cache
    expect(memoryBlocks(config, 'cyclonev')).toBe(4 * 16 + 256 + 4 * 2 + 2 * 4 * 4);
    expect(memoryBlocks({ ...config, weightEntries: 1025 }, 'cyclonev')).toBe(4 * 16 + 512 + 4 * 2 + 2 * 4 * 4);
  });
});
