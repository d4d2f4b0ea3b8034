#define _DEFAULT_SOURCE
#define _FILE_OFFSET_BITS 64
#include "cxf_uio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cxf_mmio.h"

/* Without cxf_enable_interrupt STATUS is looked at this often. */
enum { REGISTER_BYTES = 4096, WAIT_MS = 10 };

static void close_file(int file) {
  if (file >= 0) close(file);
}

int cxf_uio_open(cxf_uio *uio, const char *registers, const char *memory, uint64_t place, size_t bytes) {
  uio->registers = uio->memory = MAP_FAILED;
  uio->memory_bytes = bytes;
  uio->registers_file = open(registers, O_RDWR | O_SYNC);
  uio->memory_file = open(memory, O_RDWR | O_SYNC);
  if (uio->registers_file >= 0 && uio->memory_file >= 0) {
    uio->registers = mmap(NULL, REGISTER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, uio->registers_file, 0);
    uio->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, uio->memory_file, (off_t)place);
  }
  if (uio->registers != MAP_FAILED && uio->memory != MAP_FAILED) return 0;
  cxf_uio_close(uio);
  return -1;
}

static uint32_t uio_read(void *context, uint32_t offset) {
  const cxf_port port = cxf_mmio(((cxf_uio *)context)->registers);
  return port.read(port.context, offset);
}

static void uio_write(void *context, uint32_t offset, uint32_t value) {
  const cxf_port port = cxf_mmio(((cxf_uio *)context)->registers);
  port.write(port.context, offset, value);
}

/* The line stays high until IRQ_STATUS is cleared, which starting a run does: an interrupt that came before this is not missed. */
static int uio_idle(void *context) {
  cxf_uio *uio = context;
  const uint32_t enable = 1;
  if (write(uio->registers_file, &enable, sizeof enable) != (ssize_t)sizeof enable) return 0;
  struct pollfd waiting = {uio->registers_file, POLLIN, 0};
  uint32_t count;
  if (poll(&waiting, 1, WAIT_MS) == 1 && read(uio->registers_file, &count, sizeof count) != (ssize_t)sizeof count) return 1;
  return 0;
}

cxf_port cxf_uio_port(cxf_uio *uio) {
  const cxf_port port = {uio_read, uio_write, NULL, NULL, uio_idle, uio};
  return port;
}

void cxf_uio_close(cxf_uio *uio) {
  if (uio->registers != MAP_FAILED) munmap(uio->registers, REGISTER_BYTES);
  if (uio->memory != MAP_FAILED) munmap(uio->memory, uio->memory_bytes);
  close_file(uio->registers_file);
  close_file(uio->memory_file);
}
