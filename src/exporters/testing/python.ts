import { spawnSync } from 'node:child_process';
import type { ExportedFile } from '../exporter.ts';

/** The content of a file of text. */
export const textOf = (files: readonly ExportedFile[], name: string): string => {
  const content = files.find((f) => f.name === name)?.content;
  return typeof content === 'string' ? content : '';
};

const CHECK = `import ast, json, sys
for name, text in json.load(sys.stdin).items():
    try:
        ast.parse(text)
    except SyntaxError as error:
        print(f"{name}: line {error.lineno}: {error.msg}")
`;

export const hasPython = (): boolean => spawnSync('python3', ['--version']).status === 0;

/** Which of the texts Python cannot parse, and why. */
export const syntaxErrors = (texts: Readonly<Record<string, string>>): readonly string[] => {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', CHECK], { input: JSON.stringify(texts), encoding: 'utf8' });
  return status === 0 ? stdout.split('\n').filter((l) => l !== '') : [stderr];
};
