import { FAMILIES } from '../devices/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { type Design, periodNs, RTL_FOLDER } from './design.ts';

const FAMILY_NAMES = { cyclonev: 'Cyclone V', arria10: 'Arria 10' } as const;

const familyName = ({ device }: Design): string =>
  device.family === 'cyclonev' || device.family === 'arria10' ? FAMILY_NAMES[device.family] : FAMILIES[device.family].vendor;

/** Assignments of a project, as pairs of name and value. */
const assignments = (design: Design): readonly (readonly [string, string])[] => [
  ['FAMILY', `"${familyName(design)}"`],
  ['DEVICE', design.device.part],
  ['TOP_LEVEL_ENTITY', design.top],
  ...design.sources.map((f) => ['VERILOG_FILE', `../${f}`] as const),
  ['SEARCH_PATH', `../${RTL_FOLDER}`],
  ['SDC_FILE', `${design.top}.sdc`],
  ['VERILOG_INPUT_VERSION', 'VERILOG_2001'],
  ['OPTIMIZATION_MODE', '"HIGH PERFORMANCE EFFORT"'],
  ['NUM_PARALLEL_PROCESSORS', 'ALL'],
];

const settings = (design: Design): string =>
  [
    '# Opened by quartus_sh --flow compile, or made anew by project.tcl.',
    ...assignments(design).map(([name, value]) => `set_global_assignment -name ${name} ${value}`),
    '# Ports are inside the device: none gets a pin.',
    'set_instance_assignment -name VIRTUAL_PIN ON -to *',
    '',
  ].join('\n');

const project = (design: Design): string => `# quartus_sh -t quartus/project.tcl
# Makes the project quartus/${design.name} and compiles the core alone, with virtual pins: what it takes of the device, and how fast it is.
package require ::quartus::project
package require ::quartus::flow

set folder [file normalize [file dirname [info script]]]
cd $folder
foreach file [list ${design.sources.map((f) => `../${f}`).join(' ')} ${design.top}.sdc] {
  if {![file exists $file]} { error "$file is missing" }
}
project_new ${design.name} -overwrite
${assignments(design)
  .map(([name, value]) => `set_global_assignment -name ${name} ${value}`)
  .join('\n')}
set_instance_assignment -name VIRTUAL_PIN ON -to *
export_assignments
execute_flow -compile
project_close
`;

const constraints = (design: Design): string => `# The clock is an assumption (${design.clockMhz} MHz): it was never timed.
create_clock -name clk -period ${periodNs(design)} [get_ports clk]
derive_clock_uncertainty
# Virtual pins have no timing.
set_false_path -from [get_ports *] -to [all_registers]
set_false_path -from [all_registers] -to [get_ports *]
`;

const AVALON_NOTE = 'AXI4 and AXI4-Lite interfaces are taken by Platform Designer as they are.';

/** Description of the core for Platform Designer. */
const component = (design: Design): string => `# Platform Designer: add this folder to the IP search path. ${AVALON_NOTE}
package require -exact qsys 16.1
set_module_property NAME ${design.top}
set_module_property VERSION 1.0
set_module_property DISPLAY_NAME "cortexc core"
set_module_property GROUP "DSP"
set_module_property EDITABLE false

add_fileset synthesis QUARTUS_SYNTH "" ""
set_fileset_property synthesis TOP_LEVEL ${design.top}
${[...design.sources.map((f) => [f, 'VERILOG'] as const), ...design.headers.map((f) => [f, 'VERILOG_INCLUDE'] as const)]
  .map(([f, kind]) => `add_fileset_file ${f.replace(/^.*\//, '')} ${kind} PATH ../${f}`)
  .join('\n')}

add_interface clock clock end
add_interface_port clock clk clk Input 1
add_interface reset reset end
set_interface_property reset associatedClock clock
add_interface_port reset rst reset Input 1
add_interface irq interrupt end
set_interface_property irq associatedClock clock
set_interface_property irq associatedReset reset
add_interface_port irq irq irq Output 1
`;

/** Scripts for Quartus. */
export const quartusFiles = (design: Design): readonly EmittedFile[] => [
  { name: 'quartus/project.tcl', content: project(design) },
  { name: `quartus/${design.name}.qsf`, content: settings(design) },
  { name: `quartus/${design.top}.sdc`, content: constraints(design) },
  { name: `quartus/${design.top}_hw.tcl`, content: component(design) },
];
