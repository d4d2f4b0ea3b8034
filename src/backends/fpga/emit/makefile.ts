import { FAMILIES } from '../devices/index.ts';
import type { CoreConfig } from '../isa/config.ts';
import { synthesisOf } from '../synthesis/index.ts';
import type { Design } from './design.ts';

/** What `make sim-iverilog` needs to know. */
export interface IverilogRun {
  /** Beats of memory. */
  readonly beats: number;
  /** First and last beat that is written, and what it has to be. */
  readonly first: number;
  readonly last: number;
}

/**
 * The Makefile of a folder.
 * @param iverilog - of the first vector; undefined: the image is too large for a second opinion
 */
export const makefile = (design: Design, config: CoreConfig, iverilog: IverilogRun | undefined): string => {
  const vendor = FAMILIES[design.device.family].vendor;
  const tool = vendor === 'amd' ? 'vivado -mode batch -source vivado/ooc.tcl' : 'quartus_sh -t quartus/project.tcl';
  const parameters = [
    ['ARRAY', config.array ? 1 : 0],
    ['BITS', config.bits],
    ['ACC', config.accumulatorBits],
    ['GROUPS', config.groups],
    ['INPUTS', config.inputs],
    ['PACK', config.pack ? 1 : 0],
    ['SCRATCH', config.scratchBeats],
    ['WEIGHTS', config.weightEntries],
    ['PARAMETERS', config.parameterBeats],
    ['ICACHE', config.icacheLines],
    ['DCACHE', config.dcacheLines],
    ['MEMORY', iverilog?.beats ?? 0],
  ].map(([name, value]) => `-Pcx_tb.${name}=${value}`);
  const second =
    iverilog === undefined
      ? `sim-iverilog:
	@echo "The image of this model is too large for iverilog: make sim is the check."
`
      : `# the same Verilog in an event-driven simulator with unknown values; the first vector, minutes for more than small models
sim-iverilog: build/compare_hex
	iverilog -g2005 -Irtl ${parameters.join(' ')} -s cx_tb -o build/cx_tb $(CORE) tb/cx_tb.v
	vvp -n build/cx_tb +image=image/image.hex +runs=1 +inputs=vectors/input +outputs=build/output +stalls=32 +first=${iverilog.first} +last=${iverilog.last}
	build/compare_hex build/output0.hex vectors/v0/output0.bin

build/compare_hex: tb/compare_hex.c
	@mkdir -p build
	$(CC) -O2 -Wall -Wextra -Werror -o $@ $<
`;
  return `# make sim           the core in verilator, driven by the driver in C: every byte of every vector
# make quick         the same with the first vector only
# make sim-iverilog  the first vector in iverilog
# make lint          verilator, iverilog and yosys have nothing to say
# make synth-check   yosys synthesizes the core for the family of ${design.device.name} (minutes)
# make driver        the driver as an object for this machine, without a warning
# make vendor        ${tool}: never run by cortexc
CC ?= cc
STRICT := -std=c99 -O2 -Wall -Wextra -Werror
CORE := $(wildcard rtl/cx_*.v)
OBJECTS := build/cxf.o build/cxf_model.o

.PHONY: sim quick steps sim-iverilog lint synth-check driver vendor clean
sim: build/sim
	build/sim
quick: build/sim
	build/sim --quick
steps: build/sim
	build/sim --quick --stalls 0 --steps

build/%.o: driver/%.c driver/cxf.h
	@mkdir -p build
	$(CC) $(STRICT) -Idriver -c $< -o $@

build/sim: $(CORE) tb/sim.cpp $(OBJECTS)
	verilator --cc --exe --build -j 2 -O3 --x-assign fast --x-initial fast --noassert -Wno-fatal -Irtl --top-module ${design.top} \\
	  -CFLAGS "-std=c++17 -I../../driver -I../../tb" -MAKEFLAGS OPT_FAST=-O2 -Mdir build/verilated -o ../sim \\
	  $(CORE) ../../tb/sim.cpp $(OBJECTS:build/%=../%) > build/verilator.log 2>&1 || { cat build/verilator.log; exit 1; }

${second}
lint:
	verilator --lint-only -Wall -Irtl --top-module ${design.top} $(CORE)
	iverilog -g2005 -Wall -Irtl -s ${design.top} -o /dev/null $(CORE)
	yosys -q -p "read_verilog -Irtl $(CORE); hierarchy -check -top ${design.top}; proc; check -assert"

synth-check:
	yosys -q -p "read_verilog -Irtl $(CORE); ${synthesisOf(design.device.family, design.top, true)}; tee -o build/cells.txt stat"

driver: $(OBJECTS) build/cxf_mmio.o build/cxf_uio.o
	$(CC) $(STRICT) -Idriver -Wno-int-to-pointer-cast -c driver/example.c -o build/example.o

vendor:
	${tool}

clean:
	rm -rf build
`;
};
