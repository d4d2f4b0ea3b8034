/*
 * Linux: registers and interrupt by /dev/uioN (driver uio_pdrv_genirq), memory by /dev/udmabufN or /dev/mem. The memory has to be
 * mapped without a cache, or be coherent.
 */
#ifndef CXF_UIO_H
#define CXF_UIO_H

#include "cxf.h"

typedef struct {
  int registers_file, memory_file;
  void *registers, *memory;
  size_t memory_bytes;
} cxf_uio;

/*
 * registers: such as /dev/uio0; memory: such as /dev/udmabuf0, or /dev/mem with the bus address as place; bytes: of the memory.
 * 0, or -1 with errno. The port waits for interrupts once cxf_enable_interrupt(&core, 1) was called after cxf_open.
 */
int cxf_uio_open(cxf_uio *uio, const char *registers, const char *memory, uint64_t place, size_t bytes);
cxf_port cxf_uio_port(cxf_uio *uio);
void cxf_uio_close(cxf_uio *uio);

#endif
