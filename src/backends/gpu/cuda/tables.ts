import type { GpuPort, GpuProgram, GpuStep, Launch } from './program.ts';

const cString = (text: string): string =>
  `"${[...new TextEncoder().encode(text)]
    .map((b) =>
      b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c && b !== 0x3f ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, '0')}`,
    )
    .join('')}"`;

/** `static const TYPE NAME[] = {…};`, or nothing when empty: C has no arrays without elements. */
const array = (type: string, name: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `static const ${type} ${name}[] = {\n${rows.map((r) => `  ${r}`).join(',\n')},\n};\n`;

const pointer = (name: string, rows: readonly unknown[]): string => (rows.length === 0 ? '0' : name);

const portRow = ({ name, dtype, shape, address, bytes, passes }: GpuPort): string => {
  const dims = shape.length === 0 ? '0' : shape.join(', ');
  return `{${cString(name)}, CX_${dtype.toUpperCase()}, ${shape.length}, {${dims}}, ${address}u, ${bytes}u, ${passes === undefined ? 0 : passes + 1}}`;
};

const startRow = ({ kernel, unit, grid, block, sharedBytes }: Launch): string =>
  `{${cString(kernel)}, ${unit}, {${grid.join(', ')}}, ${block}, ${sharedBytes}}`;

/** The file tables.c of a program: what its runner knows of it (cxg_program.h). */
export const tablesText = (program: GpuProgram): string => {
  const starts: string[] = [];
  const hopperStarts: string[] = [];
  const stepRow = ({ place, op, macs, launches }: GpuStep): string => {
    const first = starts.length;
    starts.push(...launches.map(startRow));
    hopperStarts.push(...launches.map((launch) => startRow(launch.hopper ?? launch)));
    return `{${cString(place)}, ${cString(op)}, ${macs}u, ${first}, ${launches.length}}`;
  };
  const rows = {
    inputs: program.inputs.map(portRow),
    outputs: program.outputs.map(portRow),
    init: program.init.map((launches) => stepRow({ place: '', op: '', macs: 0, launches })),
    steps: program.steps.map(stepRow),
    uploads: program.uploads.toSorted((a, b) => a.before - b.before).map((u) => `{${u.offset}u, ${u.bytes}u, ${u.address}u, ${u.before}}`),
  };
  // one table where all GPUs start the same
  const hopper = starts.every((row, i) => row === hopperStarts[i]) ? [] : hopperStarts;
  const fields = [
    `.name = ${cString(program.name)}`,
    `.arena_bytes = ${program.arenaBytes}u`,
    `.file_bytes = ${program.fileBytes}u`,
    `.resident_bytes = ${program.residentBytes}u`,
    `.module_count = ${program.units.length}`,
    `.input_count = ${rows.inputs.length}`,
    `.output_count = ${rows.outputs.length}`,
    `.start_count = ${starts.length}`,
    `.init_count = ${rows.init.length}`,
    `.step_count = ${rows.steps.length}`,
    `.upload_count = ${rows.uploads.length}`,
    `.inputs = ${pointer('inputs', rows.inputs)}`,
    `.outputs = ${pointer('outputs', rows.outputs)}`,
    `.starts = ${pointer('starts', starts)}`,
    `.hopper_starts = ${pointer('hopper_starts', hopper)}`,
    `.init = ${pointer('init_steps', rows.init)}`,
    `.steps = ${pointer('steps', rows.steps)}`,
    `.uploads = ${pointer('uploads', rows.uploads)}`,
  ];
  return [
    '/* What the runner knows of the program; generated. */\n#include "cxg_program.h"\n',
    array('cx_port', 'inputs', rows.inputs),
    array('cx_port', 'outputs', rows.outputs),
    array('cxg_start', 'starts', starts),
    array('cxg_start', 'hopper_starts', hopper),
    array('cxg_step', 'init_steps', rows.init),
    array('cxg_step', 'steps', rows.steps),
    array('cxg_upload', 'uploads', rows.uploads),
    `const cxg_program cxg_program_table = {\n${fields.map((f) => `  ${f},`).join('\n')}\n};\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
};
