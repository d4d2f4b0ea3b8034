#include "cxf_mmio.h"

/* The type of the context is void *, which drops volatile: it comes back at each access. */
static volatile uint32_t *at(void *context, uint32_t offset) { return (volatile uint32_t *)((uintptr_t)context + offset); }

static uint32_t mmio_read(void *context, uint32_t offset) { return *at(context, offset); }

static void mmio_write(void *context, uint32_t offset, uint32_t value) {
  /* what was written to memory before has to be there before the core is told */
  __sync_synchronize();
  *at(context, offset) = value;
}

cxf_port cxf_mmio(volatile void *registers) {
  const cxf_port port = {mmio_read, mmio_write, NULL, NULL, NULL, (void *)(uintptr_t)registers};
  return port;
}
