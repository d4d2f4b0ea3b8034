#include "cxf.h"

#include <string.h>

#include "cxf_registers.h"

/* Words of the header of an image. */
enum { WORD_MAGIC = 0, WORD_VERSION = 1, WORD_ARRAY = 2, WORD_SCRATCH = 3, WORD_WEIGHTS = 4, WORD_PARAMETERS = 5, WORD_USED = 6 };
enum { HEADER_BYTES = 64, PAGE_BYTES = 4096 };

static uint32_t get(const cxf_core *core, uint32_t offset) { return core->port.read(core->port.context, offset); }

static void put(const cxf_core *core, uint32_t offset, uint32_t value) { core->port.write(core->port.context, offset, value); }

static uint64_t get48(const cxf_core *core, uint32_t low_offset) {
  uint32_t high = get(core, low_offset + 4);
  for (;;) {
    const uint32_t low = get(core, low_offset);
    const uint32_t again = get(core, low_offset + 4);
    if (again == high) return (uint64_t)high << 32 | low;
    high = again;
  }
}

static uint32_t word(const void *image, int index) {
  const uint8_t *at = (const uint8_t *)image + 4 * index;
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void to_core(const cxf_core *core, const void *at, size_t bytes) {
  if (core->port.to_core != NULL) core->port.to_core(core->port.context, at, bytes);
}

static int busy(const cxf_core *core) { return (get(core, CXF_REG_STATUS) & CXF_STATUS_BUSY) != 0; }

/* CONTROL is written whole: the interrupt stays as it is. */
static void control(const cxf_core *core, uint32_t bits) {
  put(core, CXF_REG_CONTROL, (get(core, CXF_REG_CONTROL) & CXF_CONTROL_IRQ_ENABLE) | bits);
}

cxf_result cxf_open(cxf_core *core, cxf_port port, void *memory, uint64_t address, uint32_t bytes) {
  core->port = port;
  core->memory = memory;
  core->address = address;
  core->bytes = bytes;
  core->used = 0;
  if (get(core, CXF_REG_ID) != CXF_MAGIC) return CXF_NO_CORE;
  if (get(core, CXF_REG_VERSION) != CXF_VERSION) return CXF_WRONG_VERSION;
  if (address % PAGE_BYTES != 0) return (cxf_result)CXF_ERR_MISALIGNED_BASE;
  const cxf_result reset = cxf_reset(core);
  if (reset != CXF_OK) return reset;
  put(core, CXF_REG_IRQ_STATUS, UINT32_MAX);
  put(core, CXF_REG_REFUSED, 0);
  put(core, CXF_REG_BASE_LO, (uint32_t)address);
  put(core, CXF_REG_BASE_HI, (uint32_t)(address >> 32));
  put(core, CXF_REG_LIMIT, bytes);
  return get(core, CXF_REG_REFUSED) == 0 ? CXF_OK : CXF_REFUSED;
}

static cxf_result check_image(const cxf_core *core, const void *image) {
  if (word(image, WORD_MAGIC) != CXF_MAGIC) return CXF_WRONG_IMAGE;
  if (word(image, WORD_VERSION) != CXF_ISA_VERSION) return CXF_WRONG_VERSION;
  if (word(image, WORD_USED) > core->bytes) return CXF_TOO_SMALL;
  if (word(image, WORD_ARRAY) == 0) return CXF_OK;
  const int fits = word(image, WORD_ARRAY) == get(core, CXF_REG_CAPS_ARRAY) && word(image, WORD_SCRATCH) <= get(core, CXF_REG_CAPS_SCRATCH) &&
                   word(image, WORD_WEIGHTS) <= get(core, CXF_REG_CAPS_WEIGHTS) &&
                   word(image, WORD_PARAMETERS) <= get(core, CXF_REG_CAPS_PARAMETERS);
  return fits ? CXF_OK : CXF_WRONG_ARRAY;
}

cxf_result cxf_load(cxf_core *core, const void *image, uint32_t bytes) {
  if (busy(core)) return CXF_BUSY;
  core->used = 0;
  if (bytes < HEADER_BYTES || word(image, WORD_USED) < bytes) return CXF_WRONG_IMAGE;
  const cxf_result checked = check_image(core, image);
  if (checked != CXF_OK) return checked;
  memcpy(core->memory, image, bytes);
  memset(core->memory + bytes, 0, word(image, WORD_USED) - bytes);
  return cxf_initialise(core);
}

/* Starts what CONTROL says; the answer of the bus to a write that is refused does not reach every processor, so REFUSED is read. */
static cxf_result start(cxf_core *core, uint32_t bits) {
  put(core, CXF_REG_REFUSED, 0);
  put(core, CXF_REG_IRQ_STATUS, CXF_IRQ_STATUS_DONE | CXF_IRQ_STATUS_ERROR | CXF_IRQ_STATUS_REFUSED);
  control(core, bits);
  return get(core, CXF_REG_REFUSED) == 0 ? CXF_OK : CXF_REFUSED;
}

cxf_result cxf_initialise(cxf_core *core) {
  if (busy(core)) return CXF_BUSY;
  core->used = 0;
  const cxf_result checked = check_image(core, core->memory);
  if (checked != CXF_OK) return checked;
  const uint32_t used = word(core->memory, WORD_USED);
  to_core(core, core->memory, used);
  const cxf_result started = start(core, CXF_CONTROL_START | CXF_CONTROL_INIT);
  const cxf_result ended = started == CXF_OK ? cxf_wait(core) : started;
  if (ended == CXF_OK) core->used = used;
  return ended;
}

static int inside(const cxf_core *core, const cxf_tensor *tensor) {
  return tensor->bytes <= core->used && tensor->offset <= core->used - tensor->bytes;
}

cxf_result cxf_set_input(cxf_core *core, const cxf_tensor *tensor, const void *from, uint32_t bytes) {
  if (core->used == 0) return CXF_NO_IMAGE;
  if (bytes != tensor->bytes || !inside(core, tensor)) return CXF_WRONG_SIZE;
  if (busy(core)) return CXF_BUSY;
  memcpy(core->memory + tensor->offset, from, bytes);
  to_core(core, core->memory + tensor->offset, bytes);
  return CXF_OK;
}

cxf_result cxf_get_output(cxf_core *core, const cxf_tensor *tensor, void *to, uint32_t bytes) {
  if (core->used == 0) return CXF_NO_IMAGE;
  if (bytes != tensor->bytes || !inside(core, tensor)) return CXF_WRONG_SIZE;
  if (busy(core)) return CXF_BUSY;
  if (core->port.from_core != NULL) core->port.from_core(core->port.context, core->memory + tensor->offset, bytes);
  memcpy(to, core->memory + tensor->offset, bytes);
  return CXF_OK;
}

cxf_result cxf_start(cxf_core *core) {
  if (core->used == 0) return CXF_NO_IMAGE;
  if (busy(core)) return CXF_BUSY;
  return start(core, CXF_CONTROL_START);
}

cxf_result cxf_poll(cxf_core *core) {
  const uint32_t status = get(core, CXF_REG_STATUS);
  if ((status & CXF_STATUS_BUSY) != 0) return CXF_BUSY;
  return (status & CXF_STATUS_ERROR) != 0 ? (cxf_result)get(core, CXF_REG_ERROR) : CXF_OK;
}

cxf_result cxf_wait(cxf_core *core) {
  for (;;) {
    const cxf_result result = cxf_poll(core);
    if (result != CXF_BUSY) return result;
    if (core->port.idle != NULL && core->port.idle(core->port.context) != 0) {
      control(core, CXF_CONTROL_SOFT_RESET);
      core->used = 0;
      return CXF_GIVEN_UP;
    }
  }
}

cxf_result cxf_run(cxf_core *core) {
  const cxf_result started = cxf_start(core);
  return started == CXF_OK ? cxf_wait(core) : started;
}

cxf_result cxf_reset(cxf_core *core) {
  core->used = 0;
  control(core, CXF_CONTROL_SOFT_RESET);
  while (busy(core))
    if (core->port.idle != NULL && core->port.idle(core->port.context) != 0) return CXF_GIVEN_UP;
  return CXF_OK;
}

void cxf_enable_interrupt(cxf_core *core, int on) { put(core, CXF_REG_CONTROL, on != 0 ? CXF_CONTROL_IRQ_ENABLE : 0); }

uint32_t cxf_interrupt(cxf_core *core) {
  const uint32_t bits = get(core, CXF_REG_IRQ_STATUS);
  put(core, CXF_REG_IRQ_STATUS, bits);
  return bits;
}

cxf_result cxf_set_timeout(cxf_core *core, uint64_t cycles) {
  if (busy(core)) return CXF_BUSY;
  const uint64_t units = cycles / CXF_TIMEOUT_UNIT_CYCLES + (cycles % CXF_TIMEOUT_UNIT_CYCLES != 0);
  put(core, CXF_REG_TIMEOUT, units > UINT32_MAX ? UINT32_MAX : (uint32_t)units);
  return CXF_OK;
}

void cxf_read_counters(cxf_core *core, cxf_counters *counters) {
  counters->cycles = get48(core, CXF_REG_CYCLES_LO);
  counters->array_cycles = get48(core, CXF_REG_ARRAY_CYCLES_LO);
  counters->instructions = get48(core, CXF_REG_INSTRUCTIONS_LO);
  counters->read_beats = get48(core, CXF_REG_READ_BEATS_LO);
  counters->write_beats = get48(core, CXF_REG_WRITE_BEATS_LO);
}

uint64_t cxf_step_begin(cxf_core *core, uint32_t step) {
  put(core, CXF_REG_STEP_SELECT, step);
  return get48(core, CXF_REG_STEP_CYCLES_LO);
}

uint32_t cxf_error_info(cxf_core *core) { return get(core, CXF_REG_ERROR_INFO); }

static const char *const CORE_TEXTS[] = CXF_ERROR_TEXTS;
static const char *const CORE_INFOS[] = CXF_ERROR_INFOS;

static int is_core_error(cxf_result result) { return (unsigned)result < sizeof CORE_TEXTS / sizeof *CORE_TEXTS; }

const char *cxf_text(cxf_result result) {
  if (is_core_error(result)) return CORE_TEXTS[result];
  switch (result) {
    case CXF_NO_CORE: return "There is no core at this address: register ID has another value.";
    case CXF_WRONG_VERSION: return "The core, the image and the driver are of different versions.";
    case CXF_TOO_SMALL: return "The memory is smaller than the image needs.";
    case CXF_WRONG_IMAGE: return "This is no image, or it was cut off.";
    case CXF_WRONG_ARRAY: return "The image needs an array, or memories, that this core does not have.";
    case CXF_BUSY: return "A run is on.";
    case CXF_GIVEN_UP: return "The run was given up and the core reset.";
    case CXF_NO_IMAGE: return "No image is loaded.";
    case CXF_REFUSED: return "The core refused a write: register REFUSED says which and why.";
    case CXF_WRONG_SIZE: return "The tensor has another number of bytes.";
    default: return "A code that this driver does not know.";
  }
}

const char *cxf_info_text(cxf_result result) { return is_core_error(result) ? CORE_INFOS[result] : ""; }
