import { canonicalBytes, formatType, type Tensor } from '../../../ir/index.ts';
import { sha256Hex } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import type { SourceFile } from '../../source-folder.ts';
import { sourceFiles, sourceFolder } from '../../source-folder.ts';
import type { TestVector } from '../../vector-files.ts';
import type { Chosen } from '../devices/index.ts';
import { CLOCK_MHZ, FAMILIES } from '../devices/index.ts';
import { driverFiles, registersMarkdown } from '../driver/index.ts';
import type { FpgaPort, FpgaProgram } from '../program.ts';
import { rtlFiles } from '../rtl-files.ts';
import { benchFiles } from '../sim/build.ts';
import { type Design, RTL_FOLDER } from './design.ts';
import { beatsOf, hexText, imageFile, portsHex } from './image.ts';
import { makefile } from './makefile.ts';
import { modelFiles } from './model.ts';
import { quartusFiles } from './quartus.ts';
import { reportFiles, type RunCycles } from './report.ts';
import { TOP, topModule } from './top.ts';
import { vivadoFiles } from './vivado.ts';

/** Larger images have no form for $readmemh. */
const MOST_HEX_BYTES = 2 ** 23;
const BEAT_BYTES = 16;

const fileName = (name: string): string => name.replace(/[^\w-]+/g, '_').replace(/^(?=\d|$)/, 'model_');

const benchFolderFiles = (): readonly SourceFile[] => sourceFiles(sourceFolder('fpga/emit/tb/', 'sim.cpp'), /[.](cpp|c)$/);
const verilogBench = (): readonly SourceFile[] => sourceFiles(sourceFolder('fpga/bench/', 'cx_tb.v'), /^cx_tb[.]v$/);

const vectorFiles = (vectors: readonly TestVector[]): readonly EmittedFile[] =>
  vectors.flatMap((vector, i) =>
    (['input', 'output'] as const).flatMap((kind) =>
      vector[`${kind}s`].map((tensor, k): EmittedFile => ({ name: `vectors/v${i}/${kind}${k}.bin`, content: canonicalBytes(tensor) })),
    ),
  );

/** SHA-256 of the canonical bytes of every output: what a board has to give. */
const digestsText = (program: FpgaProgram, vectors: readonly TestVector[]): string =>
  vectors
    .flatMap(({ outputs }, v) =>
      outputs.map(
        (tensor: Tensor, k) => `${sha256Hex(canonicalBytes(tensor))}  vectors/v${v}/output${k}.bin  ${program.outputs[k]?.name ?? ''}\n`,
      ),
    )
    .join('');

const ports = (list: readonly FpgaPort[]): string =>
  list.map((p) => `| ${p.name} | ${formatType(p)} | ${p.address} | ${p.bytes} |\n`).join('');

const readme = (program: FpgaProgram, { device, config }: Chosen, vectors: number, clockMhz: number): string => {
  const scripts =
    FAMILIES[device.family].vendor === 'amd'
      ? `    vivado -mode batch -source vivado/ooc.tcl      # the core alone: resources and timing
    vivado -mode batch -source vivado/package.tcl  # an IP for block designs, in vivado/ip`
      : `    quartus_sh -t quartus/project.tcl              # the core alone: resources and timing
    quartus/${TOP}_hw.tcl                          # a component for Platform Designer`;
  return `# ${program.name} on ${device.name}

The program gives the same bytes on every machine. \`make sim\` builds the Verilog of this folder with verilator (Debian: apt-get install
verilator) and compares ${vectors} runs, driven by the driver in C, with the bytes that the reference interpreter gives.

    make sim            # every byte of every vector, with random stalls of the memory
    make sim-iverilog   # the same Verilog in iverilog, first vector
    make lint           # verilator, iverilog and yosys have nothing to say
${scripts}

What was simulated: the Verilog in rtl/, as it is synthesized. What never happened: no tool of the maker was run, nothing was placed,
routed or timed, and nothing ran on a device. The clock of ${clockMhz} MHz in constraints and report is an assumption.

| input | type | offset in memory | bytes |
|---|---|---|---|
${ports(program.inputs)}
| output | type | offset in memory | bytes |
|---|---|---|---|
${ports(program.outputs)}
Tensors are row-major and little-endian in the memory of the image (${program.header.limit} bytes at an address that is a multiple of 4096).

| file | what it is |
|---|---|
| rtl/ | the core (the same for all models) and ${TOP}.v, which sets its parameters${config.array ? '' : '; without the array'} |
| image/ | the program with its weights: image.bin for memory, image.hex for $readmemh |
| driver/ | C driver for bare metal (cxf.c, cxf_mmio.c) and Linux (cxf_uio.c), tables of this model (cxf_model.c), example.c |
| registers.md | registers and errors |
| tb/ | testbenches: verilator with the driver in C; Verilog for iverilog |
| vectors/, digests.txt | inputs, expected outputs, and SHA-256 of these |
| report.md, .html, .json | cycles by layer, resources by estimate |
| vivado/ or quartus/ | scripts and constraints |

Bring-up: put the core on a clock with its AXI4-Lite port at 4 KiB of addresses and its AXI4 port at the memory; reset it for 16 cycles;
load image/image.bin by \`cxf_load\`, set inputs, \`cxf_run\`, get outputs. \`cxf_text\` says in words what went wrong.
`;
};

export interface FolderData {
  readonly program: FpgaProgram;
  readonly chosen: Chosen;
  readonly vectors: readonly TestVector[];
  readonly run?: RunCycles;
}

/** All files of a folder that builds and checks itself with make and verilator. */
export const folderFiles = ({ program, chosen, vectors, run }: FolderData): readonly EmittedFile[] => {
  const { device, config, estimate } = chosen;
  const clockMhz = CLOCK_MHZ[device.family];
  const top = topModule(config);
  const rtl = [...rtlFiles(), top];
  const design: Design = {
    name: fileName(program.name),
    top: TOP,
    device,
    clockMhz,
    sources: rtl.filter((f) => f.name.endsWith('.v')).map((f) => `${RTL_FOLDER}/${f.name}`),
    headers: rtl.filter((f) => f.name.endsWith('.vh')).map((f) => `${RTL_FOLDER}/${f.name}`),
  };
  const image = imageFile(program);
  const [output] = program.outputs;
  const [first] = vectors;
  const hex = program.header.limit <= MOST_HEX_BYTES && output !== undefined && first !== undefined;
  const iverilog = hex ? { beats: program.header.limit / BEAT_BYTES, ...beatsOf(output) } : undefined;
  const text = (folder: string, files: readonly SourceFile[]): readonly EmittedFile[] =>
    files.map((f) => ({ name: `${folder}/${f.name}`, content: f.text }));
  return [
    { name: 'README.md', content: readme(program, chosen, vectors.length, clockMhz) },
    { name: 'Makefile', content: makefile(design, config, iverilog) },
    { name: 'registers.md', content: registersMarkdown() },
    ...text(RTL_FOLDER, rtl),
    { name: 'image/image.bin', content: image },
    ...(hex
      ? [
          { name: 'image/image.hex', content: hexText(image) },
          { name: 'vectors/input0.hex', content: portsHex(program.inputs, first.inputs.map(canonicalBytes)) },
        ]
      : []),
    ...text('driver', driverFiles()),
    ...modelFiles(program, image.length, vectors.length),
    ...text(
      'driver',
      benchFolderFiles().filter((f) => f.name === 'example.c'),
    ),
    ...text('tb', [
      ...benchFolderFiles().filter((f) => f.name !== 'example.c'),
      ...benchFiles().filter((f) => f.name === 'cx_bus.h'),
      ...verilogBench(),
    ]),
    ...vectorFiles(vectors),
    { name: 'digests.txt', content: digestsText(program, vectors) },
    ...(FAMILIES[device.family].vendor === 'amd' ? vivadoFiles(design) : quartusFiles(design)),
    ...reportFiles({ program, device, config, estimate, clockMhz, imageBytes: image.length, ...(run === undefined ? {} : { run }) }),
  ];
};
