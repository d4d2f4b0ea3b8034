import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { folderObjects } from './folder.ts';
import { lockFolder } from './lock.ts';

test('a folder of packages is for one process; one that was killed has it no longer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-lock-'));
  // what another node does
  const code = `import { ClassicLevel } from 'classic-level';
    await new ClassicLevel(${JSON.stringify(join(folder, '.lock'))}).open();
    console.log('open');
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(other.stdout, 'data');
    const refused = await lockFolder(folder);
    expect(refused.ok ? [] : refused.diagnostics.map((d) => [d.code, d.message])).toEqual([
      ['NOD0010', `another process uses the packages in ${folder}`],
    ]);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const taken = await lockFolder(folder);
    expect(taken.ok).toBe(true);
    expect((await lockFolder(folder)).ok).toBe(false);
    // it is no package
    expect(folderObjects(folder).usage()).toMatchObject({ packages: 0, inputs: 0, drafts: 0 });
    if (taken.ok) await taken.value.release();
    const again = await lockFolder(folder);
    expect(again.ok).toBe(true);
    if (again.ok) await again.value.release();
  } finally {
    other.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
