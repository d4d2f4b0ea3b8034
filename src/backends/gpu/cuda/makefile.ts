import type { SourceFile } from '../../source-folder.ts';
import type { Platform } from '../driver/functions.ts';
import type { Unit } from './program.ts';

/** What floats need: every operation rounds once, denormal numbers stay (CUDA C++ programming guide, nvcc options). */
export const EXACT_FLAGS = ['-fmad=false', '-prec-div=true', '-prec-sqrt=true', '-ftz=false'] as const;

/**
 * What floats need of clang: every operation rounds once, denormal numbers stay, quotients and roots are correctly rounded (clang,
 * "HIP support"; the defaults, said so that no other default can take their place).
 */
export const HIP_EXACT_FLAGS = [
  '-ffp-contract=off',
  '-fno-fast-math',
  '-fno-gpu-flush-denormals-to-zero',
  '-fhip-fp32-correctly-rounded-divide-sqrt',
] as const;

/** Architectures that kernels are written for and nvcc 13 knows; 90a has the instructions of Hopper alone. */
export const ARCHITECTURES = ['75', '80', '86', '89', '90a', '100', '120'] as const;

const stems = (files: readonly { readonly name: string }[], extension: string): string =>
  files
    .filter((f) => f.name.endsWith(extension))
    .map((f) => f.name.slice(0, -extension.length))
    .join(' ');

const isFake = (f: SourceFile): boolean => f.name.startsWith('cxg_fake');

/** Processors of AMD that kernels are written for; hipcc says which of them it knows. */
export const HIP_ARCHITECTURES = ['gfx906', 'gfx908', 'gfx90a', 'gfx942', 'gfx1030', 'gfx1100', 'gfx1200', 'gfx1201'] as const;

/** What differs between the Makefiles for the compilers. */
interface Build {
  /** Ends of names of units and modules. */
  readonly source: string;
  readonly module: string;
  readonly compiler: string;
  readonly settings: string;
  /** The recipe of a module. */
  readonly recipe: string;
  /** For the runner in C. */
  readonly define: string;
}

const CUDA: Build = {
  source: '.cu',
  module: 'fatbin',
  compiler: 'nvcc',
  settings: `NVCC ?= nvcc
# The compute capability of the first GPU, or every architecture that nvcc knows.
CAPABILITY := $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader -i 0 2>/dev/null | grep -o '^[0-9]*[.][0-9]*' | tr -d .)
KNOWN = $(filter ${ARCHITECTURES.map((a) => a.replace(/\D/g, '')).join(' ')},$(shell $(NVCC) --list-gpu-arch 2>/dev/null | sed 's/compute_//'))
ARCHS ?= $(if $(CAPABILITY),$(CAPABILITY),$(KNOWN))
# Results are exact to the bit.
EXACT := ${EXACT_FLAGS.join(' ')}
NVFLAGS ?= -O3
# generated code has variables that nothing reads
QUIET := -diag-suppress 177,550
# kernels by wgmma, which start on GPUs of capability 9.0, need 90a
CODE = $(foreach a,$(patsubst 90,90a,$(ARCHS)),-gencode arch=compute_$(a),code=sm_$(a))`,
  recipe: '$(NVCC) -std=c++17 $(NVFLAGS) $(QUIET) $(EXACT) $(CODE) -Iruntime -fatbin $< -o $@',
  define: '',
};

const HIP: Build = {
  source: '.hip',
  module: 'hsaco',
  compiler: 'hipcc',
  settings: `HIPCC ?= hipcc
# where nvcc is too, hipcc takes NVIDIA's tools
export HIP_PLATFORM := amd
# The processor of the first GPU, or every one that this hipcc can compile an empty kernel for.
PROCESSOR := $(shell rocm_agent_enumerator 2>/dev/null | grep -m 1 '^gfx[1-9]')
KNOWN = $(foreach a,${HIP_ARCHITECTURES.join(' ')},$(shell $(HIPCC) -x hip --offload-arch=$(a) --cuda-device-only -c -o /dev/null /dev/null >/dev/null 2>&1 && echo $(a)))
ARCHS ?= $(if $(PROCESSOR),$(PROCESSOR),$(KNOWN))
# Results are exact to the bit.
EXACT := ${HIP_EXACT_FLAGS.join(' ')}
HIPFLAGS ?= -O3
CODE = $(foreach a,$(ARCHS),--offload-arch=$(a))`,
  recipe: '$(HIPCC) -std=c++17 $(HIPFLAGS) -w $(EXACT) $(CODE) --genco -Iruntime -x hip $< -o $@',
  define: ' -DCXG_HIP',
};

export const BUILDS: Readonly<Record<Platform, Build>> = { cuda: CUDA, hip: HIP };

/** The Makefile of an emitted folder. @param units - with their names in the folder */
export const makefile = (
  platform: Platform,
  units: readonly Unit[],
  runner: readonly SourceFile[],
  shim: readonly SourceFile[],
): string => {
  const { source, module, compiler, settings, recipe, define } = BUILDS[platform];
  const [fake, fibers] = [shim.filter(isFake), shim.filter((f) => !isFake(f))];
  return `# make          kernels for this machine's GPU (*.${module}) and the runner (./run)
# make check    runs the test vectors and compares every byte
# make bench    times runs; ARGS=--json for machines
# make shim     the same kernels and runner on the CPU; checks the vectors, needs neither GPU nor ${compiler}
CC ?= cc
CXX ?= g++
CFLAGS ?= -O2
${settings}

UNITS := ${stems(units, source)}
RUNNER := ${stems(runner, '.c')}
SHIM := ${stems(fibers, '.cpp')}
FAKE := ${stems(fake, '.cpp')}
HEADERS := $(wildcard runtime/*.h runtime/*.cuh)
RUNNER_FLAGS := -std=c11${define} -Iruntime

all: run $(UNITS:%=%.${module})

run: $(RUNNER:%=build/%.o) build/tables.o
	$(CC) $(LDFLAGS) -o $@ $^ -ldl
build/%.o: runtime/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(RUNNER_FLAGS) -c $< -o $@
build/tables.o: tables.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(RUNNER_FLAGS) -c $< -o $@

%.${module}: %${source} $(HEADERS)
	${recipe}

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
build/%.so: %${source} $(SHIM:%=build/%.shim.o) $(HEADERS)
	@mkdir -p $(@D)
	$(SHIM_CXX) -shared -Wl,-Bsymbolic -o $@ -x c++ $< -x none $(SHIM:%=build/%.shim.o)

clean:
	rm -rf build run *.${module}

.PHONY: all check bench shim clean
.SECONDARY:
`;
};
