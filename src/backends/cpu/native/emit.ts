import { formatType, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { vectorFiles } from '../../vector-files.ts';
import { type GeneratedProgram, generateProgram, parameterBytes } from './compile.ts';
import { LEVELS } from './toolchain-levels.ts';
import { librarySources, runnerSources } from './sources.ts';

/** Scratch memory is planned for so many threads; more do not take part in a run. */
const MOST_THREADS = 16;

/** One buffer has to hold the parameter file: emitted folders are handed over as files in memory. */
const MOST_PARAMETER_BYTES = 2 ** 31;

const levelsOf = (architecture: 'x64' | 'arm64'): readonly (keyof typeof LEVELS)[] =>
  (Object.keys(LEVELS) as (keyof typeof LEVELS)[]).filter((l) => LEVELS[l].architecture === architecture);

const flagLines = (architecture: 'x64' | 'arm64'): string =>
  levelsOf(architecture)
    .map((level) => `FLAGS_${level} := $(call accepted,${LEVELS[level].flags.join(' ')})\n`)
    .join('');

const names = (files: readonly { readonly name: string }[], indent: string): string =>
  files
    .filter((f) => f.name.endsWith('.c'))
    .map((f) => f.name.replace(/\.c$/, ''))
    .join(` \\\n${indent}`);

/**
 * Builds with any C11 compiler; with gcc or clang, every instruction set of the processor family goes into one program,
 * which chooses when it starts.
 */
const makefile = (sources: ReturnType<typeof librarySources>): string => `# make          builds ./run
# make check    runs the test vectors with every instruction set that this processor has, on 1 and 2 threads
CC ?= cc
CFLAGS ?= -O2
# Results are exact to the bit: a * b + c must not be contracted, and no -ffast-math.
EXACT := -std=c11 -ffp-contract=off -fno-math-errno
# What the compiler makes code for, not what it runs on: x86_64 of x86_64-linux-gnu. A compiler that does not tell makes code for this machine.
MACHINE := $(firstword $(subst -, ,$(or $(shell $(CC) -dumpmachine 2>/dev/null),$(shell uname -m))))
# flags that the compiler does not know are left out: the level then runs on the compiler's own vectors
accepted = $(if $(strip $(1)),$(shell $(CC) $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)'))

LEVELS := portable
ifneq ($(filter x86_64 amd64,$(MACHINE)),)
LEVELS += ${levelsOf('x64').join(' ')}
${flagLines('x64')}endif
ifneq ($(filter aarch64 arm64,$(MACHINE)),)
LEVELS += ${levelsOf('arm64').join(' ')}
${flagLines('arm64')}endif
upper = $(shell echo '$(1)' | tr a-z A-Z)

RUNTIME := ${names(sources.runtime, '  ')} \\
  ${names(runnerSources(), '  ')}
LEVEL_FILES := program \\
  ${names(sources.kernels, '  ')}
OBJECTS := $(RUNTIME:%=build/%.o) $(foreach l,$(LEVELS),$(LEVEL_FILES:%=build/$(l)/%.o))

run: $(OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ -pthread -lm

build/%.o: runtime/%.c $(wildcard runtime/*.h)
	@mkdir -p $(@D)
	$(CC) $(EXACT) $(CFLAGS) -Iruntime -c $< -o $@

define level_rules
build/$(1)/%.o: runtime/%.c $(wildcard runtime/*.h)
	@mkdir -p $$(@D)
	$(CC) $(EXACT) $(CFLAGS) $(FLAGS_$(1)) -DCX_ISA_$(call upper,$(1)) -Iruntime -c $$< -o $$@
build/$(1)/program.o: program.c $(wildcard runtime/*.h)
	@mkdir -p $$(@D)
	$(CC) $(EXACT) $(CFLAGS) $(FLAGS_$(1)) -DCX_ISA_$(call upper,$(1)) -Iruntime -c $$< -o $$@
endef
$(foreach l,$(LEVELS),$(eval $(call level_rules,$(l))))

# exit code 4: the processor lacks the instruction set
check: run
	@for l in $(LEVELS); do for t in 1 2; do \\
	  ./run --isa $$l --threads $$t --check; code=$$?; \\
	  if [ $$code -eq 4 ]; then echo "skipped: $$l"; break; elif [ $$code -ne 0 ]; then exit $$code; fi; \\
	done; done

clean:
	rm -rf build run

.PHONY: check clean
`;

const readme = (program: Program, generated: GeneratedProgram, vectors: number): string => {
  const ports = (list: Program['inputs']): string =>
    list.map((p) => `| ${p.name} | ${formatType(program.types[p.value] ?? { dtype: 'i8', shape: [] })} |\n`).join('');
  return `# ${program.name}: an integer program in C

The program gives the same bytes on every machine. \`make check\` builds it and compares ${vectors} runs with the bytes that the
reference interpreter gives; it says \`skipped\` for instruction sets that this processor lacks.

    make check
    ./run --threads 2 input.npy -o out        # .npy in, .npy out; ./run --help says more
    ./run --profile input.npy -o out          # time of each layer

Needs make, a C11 compiler and POSIX threads; nothing else is fetched or linked. gcc and clang build kernels for every
instruction set of the processor family, and the program chooses when it starts (\`--isa\` or CX_ISA forces one). Other compilers
build the portable form. Byte order is little-endian.

| input | type |
|---|---|
${ports(program.inputs)}
| output | type |
|---|---|
${ports(program.outputs)}
| file | what it is |
|---|---|
| program.c | the program: one function a layer, tables, memory plan (${generated.text.length} characters, generated) |
| parameters.bin | weights and constants, mapped read-only (${generated.parameterBytes} bytes) |
| runtime/ | kernels, runtime, runner; the same for all programs; runtime/cx_runtime.h is the interface for your own host |
| vectors/ | inputs and expected outputs as .npy |
`;
};

const parameterFile = (generated: GeneratedProgram): Uint8Array => {
  const file = new Uint8Array(generated.parameterBytes);
  for (const parameter of parameterBytes(generated)) {
    let at = parameter.offset;
    for (const chunk of parameter.chunks()) {
      file.set(chunk, at);
      at += chunk.length;
    }
  }
  return file;
};

/**
 * A folder that builds and tests itself with make and a C11 compiler.
 * Errors: IR0008, BKD0002, BKD0003; NAT0011 for parameters that one file in memory cannot hold.
 */
export const emitProgram = (program: Program, vectors: readonly (readonly Tensor[])[]): Result<readonly EmittedFile[]> => {
  const generated = generateProgram(program, MOST_THREADS);
  if (!generated.ok) return generated;
  const bytes = generated.value.parameterBytes;
  if (bytes > MOST_PARAMETER_BYTES)
    return fail(
      diagnostic('NAT0011', `the program has ${bytes} bytes of parameters, and an emitted folder takes ${MOST_PARAMETER_BYTES}`, {
        notes: ['Run it with `cortexc run --backend native`, which maps parameters of any size.'],
      }),
    );
  const sources = librarySources(generated.value.text);
  const runtime = [...sources.headers, ...sources.runtime, ...sources.kernels, ...runnerSources()];
  return ok([
    { name: 'README.md', content: readme(program, generated.value, vectors.length) },
    { name: 'Makefile', content: makefile(sources) },
    { name: 'program.c', content: generated.value.text },
    ...(bytes === 0 ? [] : [{ name: 'parameters.bin', content: parameterFile(generated.value) }]),
    ...new Map(runtime.map((f): [string, EmittedFile] => [f.name, { name: `runtime/${f.name}`, content: f.text }])).values(),
    ...vectorFiles(vectors.map((inputs) => ({ inputs, outputs: runProgram(program, inputs) }))),
  ]);
};
