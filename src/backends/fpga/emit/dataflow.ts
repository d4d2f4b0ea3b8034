import { canonicalBytes, type Program, runProgram, type Tensor } from '../../../ir/index.ts';
import { at, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { type DataflowProgram, dataflowProgram, dataflowReport, dataflowReportText } from '../dataflow/index.ts';
import { wordsOf } from '../dataflow/words.ts';
import { CLOCK_MHZ, type Device, FAMILIES } from '../devices/index.ts';
import { type Design, RTL_FOLDER } from './design.ts';
import { quartusFiles } from './quartus.ts';
import { vivadoFiles } from './vivado.ts';

/** Frames that the bench has room for. */
const MOST_FRAMES = 32;
const BENCH_TOP = 'cxd_bench';

const makefile = (d: DataflowProgram, frames: number): string => {
  const limit = 4 * d.timing.interval + d.timing.latency + 10_000;
  const words = `+frames=${frames} +stall_in=32 +stall_out=32 +seed=1 +limit=${limit} +drain=${d.timing.interval}`;
  const compare = d.outputs.map((_, i) => `\tcmp build/output${i}.txt vectors/output${i}.txt\n`).join('');
  return `# make sim           the pipeline in verilator, with pauses of both streams: every word of ${frames} frames
# make sim-iverilog  the same in iverilog
RTL := $(wildcard rtl/*.v)

.PHONY: sim sim-iverilog data clean
data:
	@mkdir -p build
	@cp rtl/*.hex vectors/*.hex build/ 2>/dev/null || cp vectors/*.hex build/

sim: data build/cxd
	cd build && ./cxd ${words}
${compare}	@echo "${frames} frames equal"

build/cxd: $(RTL) $(wildcard tb/*)
	@mkdir -p build
	verilator --cc --exe --build -O3 --x-assign fast --x-initial fast --noassert -Wno-fatal -Wno-lint --top-module ${BENCH_TOP} \\
	  -MAKEFLAGS OPT_FAST=-O1 -Mdir build/verilated -o ../cxd $(RTL) $(filter-out tb/cxd_tb.v,$(wildcard tb/*.v)) ../../tb/cxd_main.cpp \\
	  > build/verilator.log 2>&1 || { cat build/verilator.log; exit 1; }

sim-iverilog: data
	iverilog -g2005 -s cxd_tb -o build/cxd.vvp $(RTL) $(wildcard tb/*.v)
	cd build && vvp -n cxd.vvp ${words}
${compare}
clean:
	rm -rf build
`;
};

const readme = (d: DataflowProgram, clockMhz: number, frames: number): string => `# A pipeline for ${d.source.name} on ${d.device.name}

A stage a layer, all weights on chip, AXI-Streams in and out; the same bytes as the reference interpreter. \`make sim\` builds the Verilog with
verilator and compares every word of ${frames} frames.

| stream | bits of a word | words of a frame |
|---|---|---|
${[...d.inputs, ...d.outputs].map((a) => `| ${a.name} | ${a.bits} | ${a.words} |\n`).join('')}
A word has its first element in the lowest bits; tlast is high with the last word of a frame. \`rtl/*.hex\` are the weights, read by $readmemh.

Nothing was placed, routed or timed, and nothing ran on a device: the clock of ${clockMhz} MHz in constraints and report is an assumption.
`;

const folderOf = (d: DataflowProgram, vectors: readonly (readonly Tensor[])[]): readonly EmittedFile[] => {
  const clockMhz = CLOCK_MHZ[d.device.family];
  const frames = vectors.slice(0, MOST_FRAMES);
  const results = frames.map((inputs) => runProgram(d.source, inputs));
  const streamText = (side: 'inputs' | 'outputs', tensors: readonly (readonly Tensor[])[], i: number): string => {
    const lanes = at(side === 'inputs' ? d.inputLanes : d.outputLanes, i);
    const { stream } = at(d.pipeline[side], i);
    return `${tensors.flatMap((t) => wordsOf(at(t, i), stream, lanes)).join('\n')}\n`;
  };
  const design: Design = {
    name: 'pipeline',
    top: d.rtl[0]?.name.replace(/[.]v$/, '') ?? d.top,
    device: d.device,
    clockMhz,
    sources: d.rtl.map((f) => `${RTL_FOLDER}/${f.name}`),
    headers: [],
  };
  const digests = results.flatMap((outputs, f) => outputs.map((t, k) => `${sha256Hex(canonicalBytes(t))}  frame ${f}, output ${k}\n`));
  return [
    { name: 'README.md', content: readme(d, clockMhz, frames.length) },
    { name: 'Makefile', content: makefile(d, frames.length) },
    ...[...d.rtl, ...d.roms].map((f): EmittedFile => ({ name: `${RTL_FOLDER}/${f.name}`, content: f.text })),
    ...d.bench.map((f): EmittedFile => ({ name: `tb/${f.name}`, content: f.text })),
    ...d.inputs.map((_, i): EmittedFile => ({ name: `vectors/input${i}.hex`, content: streamText('inputs', frames, i) })),
    ...d.outputs.map((_, i): EmittedFile => ({ name: `vectors/output${i}.txt`, content: streamText('outputs', results, i) })),
    { name: 'digests.txt', content: digests.join('') },
    ...(FAMILIES[d.device.family].vendor === 'amd' ? vivadoFiles(design) : quartusFiles(design)),
    { name: 'report.md', content: dataflowReportText(d, clockMhz) },
    { name: 'report.json', content: `${JSON.stringify(dataflowReport(d), undefined, 2)}\n` },
  ];
};

/** A folder with a pipeline for a program. Errors: FPG0040 to FPG0042, IR0008. */
export const emitDataflow = (source: Program, vectors: readonly (readonly Tensor[])[], device: Device): Result<readonly EmittedFile[]> => {
  const program = dataflowProgram(source, { device });
  return program.ok ? ok(folderOf(program.value, vectors)) : program;
};
