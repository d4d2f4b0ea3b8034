import type { EmittedFile } from '../../backend.ts';
import { type Design, periodNs, RTL_FOLDER } from './design.ts';

/** A Tcl list over several lines. */
const list = (items: readonly string[]): string => `[list \\\n${items.map((i) => `  [file join $folder ${i}] \\\n`).join('')}]`;

const HEAD = 'set folder [file normalize [file join [file dirname [info script]] ..]]\n';

const sources = ({ sources: files, headers }: Design): string =>
  `set sources ${list(files)}\nset headers ${list(headers)}\nforeach file [concat $sources $headers] {\n  if {![file exists $file]} { error "$file is missing" }\n}\n`;

const project = (design: Design): string => `# vivado -mode batch -source vivado/project.tcl
# Makes a project in vivado/build and synthesizes the core. It places and routes nothing: the ports of the core are for a
# block design, not for pins.
${HEAD}${sources(design)}
create_project -force -part ${design.device.part} ${design.name} [file join $folder vivado build]
add_files -norecurse $sources
add_files -norecurse $headers
set_property file_type {Verilog Header} [get_files $headers]
set_property include_dirs [list [file join $folder ${RTL_FOLDER}]] [get_filesets sources_1]
set_property top ${design.top} [get_filesets sources_1]
add_files -fileset constrs_1 -norecurse [list [file join $folder vivado ${design.top}.xdc]]
set_property -name {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS} -value {-mode out_of_context} -objects [get_runs synth_1]
update_compile_order -fileset sources_1
launch_runs synth_1 -jobs 4
wait_on_run synth_1
if {[get_property PROGRESS [get_runs synth_1]] != "100%"} { error "synthesis did not end" }
open_run synth_1
report_utilization -hierarchical -file [file join $folder vivado utilization.txt]
report_timing_summary -file [file join $folder vivado timing.txt]
`;

const outOfContext = (design: Design): string => `# vivado -mode batch -source vivado/ooc.tcl
# Synthesis, placement and routing of the core alone, out of context: what it takes of the device, and how fast it is.
${HEAD}${sources(design)}
foreach file $sources { read_verilog $file }
read_xdc [file join $folder vivado ${design.top}.xdc]
synth_design -top ${design.top} -part ${design.device.part} -mode out_of_context -include_dirs [list [file join $folder ${RTL_FOLDER}]]
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -file [file join $folder vivado ooc-utilization.txt]
report_timing_summary -file [file join $folder vivado ooc-timing.txt]
write_checkpoint -force [file join $folder vivado ${design.top}.dcp]
`;

const packageIp = (design: Design): string => `# vivado -mode batch -source vivado/package.tcl
# Packs the core as an IP for block designs: vivado/ip can be added to the IP repositories of a project. Vivado finds the
# interfaces s_axi and m_axi by the names of the ports.
${HEAD}${sources(design)}
create_project -in_memory -part ${design.device.part}
add_files -norecurse $sources
add_files -norecurse $headers
set_property file_type {Verilog Header} [get_files $headers]
set_property include_dirs [list [file join $folder ${RTL_FOLDER}]] [get_filesets sources_1]
set_property top ${design.top} [get_filesets sources_1]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $folder vivado ip] -vendor cortex -library cores -taxonomy /UserIP -import_files
ipx::infer_bus_interface clk xilinx.com:signal:clock_rtl:1.0 [ipx::current_core]
ipx::associate_bus_interfaces -busif s_axi -clock clk [ipx::current_core]
ipx::associate_bus_interfaces -busif m_axi -clock clk [ipx::current_core]
ipx::update_checksums [ipx::current_core]
ipx::save_core [ipx::current_core]
`;

const constraints = (
  design: Design,
): string => `# The clock is an assumption (${design.clockMhz} MHz): it was never timed. In a block design the clock of the design takes its place.
create_clock -name clk -period ${periodNs(design)} [get_ports clk]
# Pins: none. All ports of the core are inside the device.
`;

/** Scripts for Vivado. Nothing here needs the program: it comes into memory at run time. */
export const vivadoFiles = (design: Design): readonly EmittedFile[] => [
  { name: 'vivado/project.tcl', content: project(design) },
  { name: 'vivado/ooc.tcl', content: outOfContext(design) },
  { name: 'vivado/package.tcl', content: packageIp(design) },
  { name: `vivado/${design.top}.xdc`, content: constraints(design) },
];
