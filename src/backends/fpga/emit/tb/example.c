/*
 * Bare metal: runs the model once. REGISTERS, MEMORY and MEMORY_BUS are those of the board's block design; the image has to be at MEMORY
 * already (a debugger or boot loader puts image/image.bin there), and inputs come from `input`.
 */
#include "cxf_mmio.h"
#include "cxf_model.h"

#ifndef REGISTERS
#define REGISTERS 0x43c00000u
#endif
#ifndef MEMORY
#define MEMORY 0x10000000u
#endif
/* The same memory as the core sees it. */
#ifndef MEMORY_BUS
#define MEMORY_BUS MEMORY
#endif

/* Runs the model on inputs in order; the output stays in memory at MEMORY + CXF_MODEL.output[i].offset. */
cxf_result run_model(const void *const *inputs);

cxf_result run_model(const void *const *inputs) {
  static cxf_core core;
  static int is_open;
  cxf_result result = CXF_OK;
  if (!is_open) {
    result = cxf_open(&core, cxf_mmio((volatile void *)REGISTERS), (void *)MEMORY, MEMORY_BUS, CXF_MODEL.memory_bytes);
    if (result == CXF_OK) result = cxf_initialise(&core);
    is_open = result == CXF_OK;
  }
  for (uint32_t i = 0; result == CXF_OK && i < CXF_MODEL.inputs; i++)
    result = cxf_set_input(&core, &CXF_MODEL.input[i], inputs[i], CXF_MODEL.input[i].bytes);
  return result == CXF_OK ? cxf_run(&core) : result;
}
