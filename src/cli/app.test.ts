import { describe, expect, test } from '@jest/globals';
import { cli } from './testing/run.ts';

const errorCodes = (stdout: string): readonly string[] => {
  const parsed = JSON.parse(stdout) as { error: readonly { code: string }[] };
  return parsed.error.map((e) => e.code);
};

describe('command line', () => {
  test('no command: help on stderr, exit 2; --help: help on stdout, exit 0', async () => {
    const none = await cli([]);
    expect([none.exit, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toContain('explain');
    const help = await cli(['--help']);
    expect([help.exit, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toBe(none.stderr);
  });

  test('--version prints the version of the package', async () => {
    expect((await cli(['--version'])).stdout).toMatch(/^\d+[.]\d+[.]\d+\n$/);
  });

  test('unknown command: did you mean, usage, exit 2', async () => {
    const { exit, stdout, stderr } = await cli(['explan']);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain('error[CLI1001]: there is no command explan');
    expect(stderr).toContain('Did you mean explain?');
    expect(stderr).toContain('Usage: cortexc <');
  });

  test('every problem of a command line is told at once', async () => {
    const { exit, stdout } = await cli(['explain', 'a', 'b', '--bogus', '--jsn', '--json']);
    expect(exit).toBe(2);
    expect(errorCodes(stdout)).toEqual(['CLI1002', 'CLI1002', 'CLI1004']);
  });

  test('unknown option: did you mean and the usage line', async () => {
    const { exit, stderr } = await cli(['explain', '--quite']);
    expect(exit).toBe(2);
    expect(stderr).toContain('there is no option --quite');
    expect(stderr).toContain('Did you mean --quiet?');
    expect(stderr).toContain('Usage: cortexc explain [code] [options]');
  });

  test('global options may stand before the command', async () => {
    const { exit, stdout } = await cli(['--color', 'never', '--json', 'explain', 'IR0011']);
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ code: 'IR0011', exit: 3 });
  });

  test('colour: auto on a terminal, off with NO_COLOR, forced with --color always', async () => {
    const wrong = ['explain', 'XX9'];
    const escape = '\u001b[';
    expect((await cli(wrong)).stderr).not.toContain(escape);
    expect((await cli(wrong, { terminal: true })).stderr).toContain(escape);
    expect((await cli(wrong, { terminal: true, env: { NO_COLOR: '1' } })).stderr).not.toContain(escape);
    expect((await cli([...wrong, '--color', 'always'], { env: { NO_COLOR: '1' } })).stderr).toContain(escape);
    expect((await cli([...wrong, '--no-color'], { terminal: true })).stderr).not.toContain(escape);
    const odd = await cli([...wrong, '--color', 'sometimes']);
    expect([odd.exit, odd.stderr.includes('CLI1003')]).toEqual([2, true]);
  });
});

describe('explain', () => {
  test('a listed code in any case, and an op constraint', async () => {
    expect((await cli(['explain', 'ir0011'])).stdout).toContain('accumulator may overflow');
    const constraint = await cli(['explain', 'conv_c4']);
    expect([constraint.exit, constraint.stdout.startsWith('conv_c4: ')]).toEqual([0, true]);
  });

  test('an unknown code: did you mean, exit 2', async () => {
    const { exit, stderr } = await cli(['explain', 'IR0099']);
    expect(exit).toBe(2);
    expect(stderr).toContain('CLI1008');
    expect(stderr).toMatch(/Did you mean IR00\d\d\?/);
  });

  test('without a code: every code, sorted, once', async () => {
    const { stdout } = await cli(['explain', '--json']);
    const { codes } = JSON.parse(stdout) as { codes: readonly { code: string }[] };
    const names = codes.map((c) => c.code);
    expect(names.length).toBeGreaterThan(60);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['CLI1001', 'IR0011', 'conv_c4', 'INT0001']));
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s knows every command and its options', async (shell) => {
    const { exit, stdout } = await cli(['completion', shell]);
    expect(exit).toBe(0);
    for (const word of ['explain', 'completion', 'json']) expect(stdout).toContain(word);
  });

  test('the shell comes from $SHELL when it is not given', async () => {
    expect((await cli(['completion'], { env: { SHELL: '/usr/bin/fish' } })).stdout).toContain('complete -c cortexc');
    expect((await cli(['completion', 'cmd'])).exit).toBe(2);
  });
});
