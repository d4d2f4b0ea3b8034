#!/usr/bin/env node
import { runEarly } from './early.ts';
import { start } from './start.ts';

/** Digest of the code, put here when the files are joined into one (scripts/bundle.mjs); not there in the sources. */
declare const CORTEXC_BUILD: string | undefined;

// What is imported here is joined into one file, which takes a tenth of the time to load; the whole program is loaded when it is needed.
void start(async (words, io) => {
  const early = runEarly(words, io, typeof CORTEXC_BUILD === 'undefined' ? undefined : CORTEXC_BUILD);
  if (early.exit !== undefined) return early.exit;
  const { runCli } = await import('./app.ts');
  return runCli(words, io, early);
});
