import type { SourceFile } from '../../source-folder.ts';

/** The file of a module, those of what it is made of, and what they include; in the order given. A file has the name of its module. */
export const filesFor = (top: string, files: readonly SourceFile[]): readonly SourceFile[] => {
  const texts = new Map(files.map((f) => [f.name, f.text]));
  const reached = new Set([`${top}.v`]);
  // a set takes what is added while it is walked
  for (const name of reached)
    for (const [, word = ''] of (texts.get(name) ?? '').matchAll(/\b(cx_\w+)\b/g))
      for (const file of [`${word}.v`, `${word}.vh`]) if (texts.has(file)) reached.add(file);
  return files.filter((f) => reached.has(f.name));
};
