import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { cli, inFolder } from './testing/run.ts';

const MODEL = `mrl 1;
model adder {
  input x: i8[1, 4];
  output y = add(cast(x, dtype: i32), cast(x, dtype: i32));
}
`;

describe('bind', () => {
  test('writes a library and a module, the same each time, into a folder of their own', () =>
    inFolder(async (cwd) => {
      writeFileSync(join(cwd, 'm.mrl'), MODEL);
      expect((await cli(['compile', 'm.mrl', '-o', 'm.cvm', '--name', 'adder'], { cwd })).exit).toBe(0);
      const made = await cli(['bind', 'm.cvm', '-o', 'out', '--fee', '5', '--json'], { cwd });
      expect([made.exit, JSON.parse(made.stdout)]).toMatchObject([0, { name: 'Adder', gas: 6, inputBytes: 4, outputBytes: 16 }]);
      expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['Adder.sol', 'Infer.sol', 'adder.ts']);
      const text = readFileSync(join(cwd, 'out', 'Adder.sol'), 'utf8');
      expect(text).toContain('uint256 internal constant RUN_GAS = 6;');
      expect((await cli(['bind', 'm.cvm', '-o', 'out'], { cwd })).exit).toBe(3);
      expect((await cli(['bind', 'm.cvm', '-o', 'out', '--fee', '5', '--force'], { cwd })).exit).toBe(0);
      expect(readFileSync(join(cwd, 'out', 'Adder.sol'), 'utf8')).toBe(text);
    }));

  test('takes one language, a name and an address', () =>
    inFolder(async (cwd) => {
      writeFileSync(join(cwd, 'm.mrl'), MODEL);
      await cli(['compile', 'm.mrl', '-o', 'm.cvm'], { cwd });
      const address = `0x${'12'.repeat(20)}`;
      expect(
        (await cli(['bind', 'm.cvm', '-o', 'out', '--lang', 'solidity', '--name', 'my net', '--address', address], { cwd })).exit,
      ).toBe(0);
      expect(existsSync(join(cwd, 'out', 'myNet.ts'))).toBe(false);
      expect(readFileSync(join(cwd, 'out', 'MyNet.sol'), 'utf8')).toContain(
        `address(uint160(uint256(0x${address.slice(2).padStart(64, '0')})))`,
      );
      for (const wrong of [['--address', '0x12'], ['--fee', '1.5'], ['--lang', 'rust']]) // biome-ignore format: short
        expect((await cli(['bind', 'm.cvm', '-o', 'other', ...wrong], { cwd })).exit).toBe(2);
      expect((await cli(['bind', 'm.mrl', '-o', 'other'], { cwd })).exit).toBe(3);
    }));
});
