import type { Unit } from './program.ts';
import type { SourceFile } from '../../source-folder.ts';

/** What floats need: every operation rounds once, denormal numbers stay (CUDA C++ programming guide, nvcc options). */
export const EXACT_FLAGS = ['-fmad=false', '-prec-div=true', '-prec-sqrt=true', '-ftz=false'] as const;

/** Architectures that kernels are written for and nvcc 13 knows; 90a has the instructions of Hopper alone. */
export const ARCHITECTURES = ['75', '80', '86', '89', '90a', '100', '120'] as const;

const stems = (files: readonly { readonly name: string }[], extension: string): string =>
  files
    .filter((f) => f.name.endsWith(extension))
    .map((f) => f.name.slice(0, -extension.length))
    .join(' ');

const isFake = (f: SourceFile): boolean => f.name.startsWith('cxg_fake');

/** The Makefile of an emitted folder. */
export const makefile = (units: readonly Unit[], runner: readonly SourceFile[], shim: readonly SourceFile[]): string => {
  const [fake, fibers] = [shim.filter(isFake), shim.filter((f) => !isFake(f))];
  return `# make          kernels for this machine's GPU (*.fatbin) and the runner (./run)
# make check    runs the test vectors and compares every byte
# make bench    times runs; ARGS=--json for machines
# make shim     the same kernels and runner on the CPU; checks the vectors, needs neither GPU nor nvcc
NVCC ?= nvcc
CC ?= cc
CXX ?= g++
CFLAGS ?= -O2
# The compute capability of the first GPU, or every architecture that nvcc knows. 90a has what 90 lacks.
CAPABILITY := $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader -i 0 2>/dev/null | grep -o '^[0-9]*[.][0-9]*' | tr -d .)
KNOWN = $(filter ${ARCHITECTURES.map((a) => a.replace(/\D/g, '')).join(' ')},$(shell $(NVCC) --list-gpu-arch 2>/dev/null | sed 's/compute_//'))
ARCHS ?= $(patsubst 90,90a,$(if $(CAPABILITY),$(CAPABILITY),$(KNOWN)))
# Results are exact to the bit.
EXACT := ${EXACT_FLAGS.join(' ')}
NVFLAGS ?= -O3
# generated code has variables that nothing reads
QUIET := -diag-suppress 177,550
CODE = $(foreach a,$(ARCHS),-gencode arch=compute_$(a),code=sm_$(a))

UNITS := ${stems(units, '.cu')}
RUNNER := ${stems(runner, '.c')}
SHIM := ${stems(fibers, '.cpp')}
FAKE := ${stems(fake, '.cpp')}
HEADERS := $(wildcard runtime/*.h runtime/*.cuh)

all: run $(UNITS:%=%.fatbin)

run: $(RUNNER:%=build/%.o) build/tables.o
	$(CC) $(LDFLAGS) -o $@ $^ -ldl
build/%.o: runtime/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) -Iruntime -c $< -o $@
build/tables.o: tables.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) -Iruntime -c $< -o $@

%.fatbin: %.cu $(HEADERS)
	$(NVCC) -std=c++17 $(NVFLAGS) $(QUIET) $(EXACT) $(CODE) -Iruntime -fatbin $< -o $@

check: all
	./run --check
bench: all
	./run --bench $(ARGS)

SHIM_FLAGS ?= -O2
SHIM_CXX = $(CXX) -std=c++17 $(SHIM_FLAGS) -ffp-contract=off -fno-math-errno -fPIC -fvisibility=hidden -DCXG_SHIM -w -Iruntime
shim: run build/libfake.so $(UNITS:%=build/%.so)
	cd build && ../run --driver ./libfake.so --suffix so --params ../parameters.bin --vectors ../vectors --check
build/libfake.so: $(FAKE:%=runtime/%.cpp) $(HEADERS)
	@mkdir -p $(@D)
	$(SHIM_CXX) -shared -o $@ $(FAKE:%=runtime/%.cpp) -ldl -pthread
build/%.shim.o: runtime/%.cpp $(HEADERS)
	@mkdir -p $(@D)
	$(SHIM_CXX) -c $< -o $@
build/%.so: %.cu $(SHIM:%=build/%.shim.o) $(HEADERS)
	@mkdir -p $(@D)
	$(SHIM_CXX) -shared -Wl,-Bsymbolic -o $@ -x c++ $< -x none $(SHIM:%=build/%.shim.o)

clean:
	rm -rf build run *.fatbin

.PHONY: all check bench shim clean
.SECONDARY:
`;
};
