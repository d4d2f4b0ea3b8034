/* Registers in the address space of the processor: bare metal, or mapped by an operating system. */
#ifndef CXF_MMIO_H
#define CXF_MMIO_H

#include "cxf.h"

/* A port whose registers begin at `registers`; caches and waiting are left to the caller. */
cxf_port cxf_mmio(volatile void *registers);

#endif
