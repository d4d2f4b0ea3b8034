/**
 * A fresh process that opens a package and runs it: child.js BACKEND PACKAGE RUNS. Prints one line of JSON.
 * Nothing is imported before the clock starts but the clock.
 */
const began = performance.now();

const [, , backend = '', path = '', runs = '1'] = process.argv;
const { closeSync, fstatSync, openSync, readFileSync, readSync } = await import('node:fs');
const { decodePackage } = await import('../../src/cvm-bytecode/index.ts');
const { loadBackend } = await import('../../src/backends/index.ts');
const { elementCount, isStaticType, DTYPE_INFO, typeOf } = await import('../../src/ir/index.ts');
const { unwrap } = await import('../../src/support/index.ts');
const imported = performance.now();

const file = openSync(path, 'r');
const source = {
  size: fstatSync(file).size,
  inMemory: false,
  read: (offset: number, length: number, room?: Uint8Array): Uint8Array => {
    const bytes = room ?? new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
  },
};
const { program } = unwrap(decodePackage(source));
const opened = performance.now();

const executable = unwrap(unwrap(await loadBackend(backend)).compile(program));
const compiled = performance.now();
const inputs = program.inputs.map(({ value }) => {
  const type = typeOf(program, value);
  if (!isStaticType(type)) throw new Error('an input has symbolic dimensions');
  return { dtype: type.dtype, shape: type.shape, data: DTYPE_INFO[type.dtype].make(elementCount(type.shape)) };
});
executable.run(inputs);
const done = performance.now();
for (let i = 1; i < Number(runs); i++) executable.run(inputs);
closeSync(file);

export interface ChildReport {
  /** Milliseconds from the first statement of this file. */
  readonly importedMs: number;
  readonly openedMs: number;
  readonly compiledMs: number;
  readonly resultMs: number;
  readonly peakBytes: number;
  /** Of the executable: parameters and planned arena. */
  readonly parameters: number | undefined;
  readonly arena: number | undefined;
}

/**
 * Peak resident bytes of this program. Linux hands ru_maxrss of the parent down to what it starts (setmax_mm_hiwater_rss at exec), so
 * that a child of a big process seems big from the start; VmHWM begins anew.
 */
const peakBytes = (): number => {
  try {
    const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // no /proc here
  }
  return process.resourceUsage().maxRSS * 1024;
};

const report: ChildReport = {
  importedMs: imported - began,
  openedMs: opened - began,
  compiledMs: compiled - began,
  resultMs: done - began,
  peakBytes: peakBytes(),
  parameters: executable.memory?.parameters,
  arena: executable.memory?.arena,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
