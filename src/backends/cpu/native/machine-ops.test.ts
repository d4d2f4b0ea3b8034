import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { opUses } from '../../../../tests/support/op-uses.ts';
import { cLevels } from '../../../../tests/support/c-levels.ts';
import { canonicalizeNaN, runProgram, type Tensor, tensorBytes, type ValueId } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { planProgram } from '../../plan/index.ts';
import { type FunctionBody, type Lowered, lowerProgram, PAGE_BYTES, rowsOf, SIMD_ROWS, type Slot, writeFunctions } from '../simd/index.ts';
import { CModule } from './c-module.ts';

// Every op's samples, lowered and printed as C, give what the reference gives. All programs are one file, so that the compiler
// starts once: functions that programs share are written once, since their names say all that their bodies depend on.
// machine.test.ts compares the instructions on every level; here one of gcc and one of clang do, which evaluate arguments in
// opposite orders. CORTEXC_ALL_LEVELS=1 takes all.

const THREADS = 2;
/** For a busy machine. */
const TIMEOUT_MS = 300_000;
const ROWS = rowsOf(SIMD_ROWS);
const C_FOLDER = fileURLToPath(new URL('./c', import.meta.url));

/** Functions of many programs: steps are told apart by a number, and the same step of two programs is written once. */
class Batch extends CModule {
  /** Rows of the table of steps, for all programs. */
  readonly steps: string[] = [];
  private readonly known = new Set<string>();
  private readonly nameOf = new Map<string, string>();

  override define(body: FunctionBody): void {
    if (!/^(init|run)\d+$/.test(body.name)) {
      if (!this.known.has(body.name)) super.define(body);
      this.known.add(body.name);
      return;
    }
    super.define({ ...body, name: `step_${this.steps.length}` });
    const name = `f_step_${this.steps.length}`;
    const text = (this.functions.at(-1)?.text ?? '').replace(name, '');
    const same = this.nameOf.get(text);
    if (same === undefined) this.nameOf.set(text, name);
    else this.functions.pop();
    this.steps.push(body.params.length === 0 ? `{${same ?? name}, 0}` : `{0, ${same ?? name}}`);
  }
}

/** What the C program does, in order; it reads words of 4 bytes, and bytes behind `PUT`. */
const NEW = 0;
const PUT = 1;
const CALL = 2;
const GET = 3;

class Commands {
  private readonly parts: Uint8Array[] = [];

  add(...words: readonly number[]): void {
    this.parts.push(new Uint8Array(Uint32Array.from(words).buffer));
  }

  put(slot: Slot, bytes: Uint8Array): void {
    this.add(PUT, slot.address, bytes.length);
    this.parts.push(bytes);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

const MAIN = (steps: readonly string[]): string => `
#include <stdio.h>
#include <stdlib.h>
static const struct { void (*init)(const cx_env *); void (*run)(const cx_env *, uint32_t, uint32_t); } steps[] = {
  ${steps.join(',\n  ')}
};
int main(int argc, char **argv) {
  FILE *const from = argc == 3 ? fopen(argv[1], "rb") : 0, *const to = argc == 3 ? fopen(argv[2], "wb") : 0;
  cx_env e = {0, 0};
  uint32_t command, w[3];
  while (from && to && fread(&command, 4, 1, from) == 1) {
    if (fread(w, 4, command == ${NEW} ? 1 : command == ${CALL} ? 3 : 2, from) == 0) return 1;
    if (command == ${NEW}) {
      free(e.m);
      if ((e.m = calloc(w[0], 1)) == 0) return 2;
    } else if (command == ${PUT}) {
      if (fread(e.m + w[0], 1, w[1], from) != w[1]) return 3;
    } else if (command == ${GET}) {
      if (fwrite(e.m + w[0], 1, w[1], to) != w[1]) return 4;
    } else if (steps[w[0]].init) {
      steps[w[0]].init(&e);
    } else {
      steps[w[0]].run(&e, w[1], w[2]);
    }
  }
  return to && fclose(to) == 0 ? 0 : 5;
}
`;

/** Bytes behind the memory plan: kernels may load a little more than they use. */
const SLACK_BYTES = 4096;

/** Commands that fill the memory of a program, run it and get its outputs. @param first - number of its first step */
const command = (commands: Commands, { context, params, steps, pages }: Lowered, inputs: readonly Tensor[], first: number): void => {
  commands.add(NEW, pages * PAGE_BYTES + SLACK_BYTES);
  const fill = (slots: ReadonlyMap<ValueId, Slot>): void => {
    for (const [value, slot] of slots) {
      const tensor = context.paramData(value);
      if (tensor !== undefined) commands.put(slot, tensorBytes(tensor));
    }
  };
  for (const slot of context.persistent) if (slot.data !== undefined) commands.put(slot, slot.data);
  fill(params.run);
  fill(params.initial);
  context.init.forEach((_, i) => {
    fill(at(params.staged, i));
    commands.add(CALL, first + i, 0, 0);
  });
  context.program.inputs.forEach(({ value }, i) => commands.put(context.slot(value), tensorBytes(at(inputs, i))));
  steps.forEach(({ parallel }, i) => {
    const threads = parallel ? THREADS : 1;
    // shares of a step are independent, so one after the other does
    for (let thread = 0; thread < threads; thread++) commands.add(CALL, first + context.init.length + i, thread, threads);
  });
};

describe('every op through C', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-machine-ops-'));
  const source = join(folder, 'programs.c');
  const commandFile = join(folder, 'commands');
  const expected: { readonly name: string; readonly tensor: Tensor }[] = [];

  beforeAll(() => {
    const batch = new Batch();
    const commands = new Commands();
    for (const { name, program, inputs } of opUses()) {
      const lowered = unwrap(lowerProgram(unwrap(planProgram(program, ROWS.has)), batch, ROWS, THREADS));
      const first = batch.steps.length;
      writeFunctions(lowered);
      command(commands, lowered, inputs, first);
      runProgram(program, inputs).forEach((tensor, i) => {
        const passed = program.inputs.some((p) => p.value === at(program.outputs, i).value);
        if (passed || tensor.data.length === 0) return;
        commands.add(GET, lowered.context.slot(at(lowered.context.program.outputs, i).value).address, tensorBytes(tensor).length);
        expected.push({ name: `${name} output ${i}`, tensor });
      });
    }
    writeFileSync(commandFile, commands.bytes());
    writeFileSync(source, `${batch.text()}${MAIN(batch.steps)}`);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const differences = (bytes: Uint8Array): readonly string[] => {
    let end = 0;
    return expected.flatMap(({ name, tensor }) => {
      const actual = tensor.data.slice();
      const own = new Uint8Array(actual.buffer);
      own.set(bytes.subarray(end, end + own.length));
      end += own.length;
      if (actual instanceof Float32Array) canonicalizeNaN(actual);
      return Buffer.compare(own, tensorBytes(tensor)) === 0
        ? []
        : [`${name}: ${actual.slice(0, 8).join(' ')}, not ${tensor.data.slice(0, 8).join(' ')}`];
    });
  };
  const run = promisify(execFile);

  const chosen =
    process.env['CORTEXC_ALL_LEVELS'] === '1' ? cLevels() : cLevels().filter(({ name }) => ['-mavx2', 'neon', 'clang'].includes(name));
  for (const level of chosen) {
    if ('missing' in level) {
      console.warn(`Ops are not tested for ${level.name}: ${level.missing}`);
      test.skip(level.name, () => undefined);
      continue;
    }
    test(
      level.name,
      async () => {
        const program = join(folder, level.name.replaceAll(' ', '-'));
        // unoptimized: it is the printing that is tested here
        await run(level.compiler, [
          ...level.flags,
          '-O0',
          '-Wno-unused',
          '-Wno-unused-parameter',
          `-I${C_FOLDER}`,
          source,
          '-o',
          program,
          '-lm',
        ]);
        const words = level.emulator === undefined ? [program] : [level.emulator, program];
        await run(at(words, 0), [...words.slice(1), commandFile, `${program}.out`]);
        expect(differences(readFileSync(`${program}.out`))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
});
