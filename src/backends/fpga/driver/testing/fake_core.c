/* The driver against a model of the register file: each line says what was done and what came back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cxf.h"
#include "cxf_registers.h"

typedef struct {
  uint32_t registers[1024];
  /* Calls of idle until a run ends; -1: never. */
  int duration, left;
  /* Error that the next run ends with. */
  uint32_t error;
  uint8_t *memory;
  const uint8_t *flushed_from, *flushed_to;
} fake;

static void finish(fake *f) {
  f->registers[CXF_REG_STATUS / 4] = CXF_STATUS_DONE | (f->error == 0 ? 0 : CXF_STATUS_ERROR);
  f->registers[CXF_REG_ERROR / 4] = f->error;
  f->registers[CXF_REG_ERROR_INFO / 4] = f->error * 16;
  f->registers[CXF_REG_IRQ_STATUS / 4] |= f->error == 0 ? CXF_IRQ_STATUS_DONE : CXF_IRQ_STATUS_ERROR;
  /* what a run does: output = input + 1 */
  for (int i = 0; f->error == 0 && i < 4; i++) f->memory[104 + i] = (uint8_t)(f->memory[100 + i] + 1);
}

static uint32_t fake_read(void *context, uint32_t offset) { return ((fake *)context)->registers[offset / 4]; }

static void fake_write(void *context, uint32_t offset, uint32_t value) {
  fake *f = context;
  const int busy = (f->registers[CXF_REG_STATUS / 4] & CXF_STATUS_BUSY) != 0;
  if (offset == CXF_REG_CONTROL) {
    if ((value & CXF_CONTROL_SOFT_RESET) != 0) f->registers[CXF_REG_STATUS / 4] = 0;
    else if ((value & CXF_CONTROL_START) != 0) {
      if (busy) f->registers[CXF_REG_REFUSED / 4] = 1u << CXF_REFUSED_REASON_SHIFT | offset;
      else f->registers[CXF_REG_STATUS / 4] = CXF_STATUS_BUSY;
      f->left = f->duration;
    }
    f->registers[CXF_REG_CONTROL / 4] = value & CXF_CONTROL_IRQ_ENABLE;
  } else if (offset == CXF_REG_IRQ_STATUS) {
    f->registers[offset / 4] &= ~value;
  } else if (busy) {
    f->registers[CXF_REG_REFUSED / 4] = 1u << CXF_REFUSED_REASON_SHIFT | offset;
  } else {
    f->registers[offset / 4] = value;
  }
}

static void fake_flush(void *context, const void *at, size_t bytes) {
  fake *f = context;
  f->flushed_from = at;
  f->flushed_to = f->flushed_from + bytes;
}

static int fake_idle(void *context) {
  fake *f = context;
  if ((f->registers[CXF_REG_STATUS / 4] & CXF_STATUS_BUSY) == 0) return 0;
  if (f->left < 0) return 1;
  if (f->left-- == 0) finish(f);
  return 0;
}

static void say(const char *what, cxf_result result) { printf("%s: %d %s\n", what, (int)result, cxf_text(result)); }

static void set_word(uint8_t *image, int index, uint32_t value) {
  for (int i = 0; i < 4; i++) image[4 * index + i] = (uint8_t)(value >> (8 * i));
}

int main(void) {
  static uint8_t memory[8192], image[128];
  static fake f;
  const uint32_t shape[] = {4};
  const cxf_tensor input = {"x", CXF_I8, 1, shape, 100, 4}, output = {"y", CXF_I8, 1, shape, 104, 4}, outside = {"z", CXF_I8, 1, shape, 510, 4};
  const cxf_port port = {fake_read, fake_write, fake_flush, NULL, fake_idle, &f};
  uint8_t bytes[4] = {1, 2, 3, 255};
  cxf_core core;
  cxf_counters counters;

  f.memory = memory;
  f.duration = 3;
  say("open, no core", cxf_open(&core, port, memory, 0x10000, sizeof memory));
  f.registers[CXF_REG_ID / 4] = CXF_MAGIC;
  say("open, other version", cxf_open(&core, port, memory, 0x10000, sizeof memory));
  f.registers[CXF_REG_VERSION / 4] = CXF_VERSION;
  say("open, misaligned", cxf_open(&core, port, memory, 0x10001, sizeof memory));
  say("open", cxf_open(&core, port, memory, 0x900000000, sizeof memory));
  printf("base %" PRIx32 " %" PRIx32 ", limit %" PRIu32 "\n", f.registers[CXF_REG_BASE_HI / 4], f.registers[CXF_REG_BASE_LO / 4],
         f.registers[CXF_REG_LIMIT / 4]);
  say("run, nothing loaded", cxf_run(&core));

  say("load, no image", cxf_load(&core, image, sizeof image));
  set_word(image, 0, CXF_MAGIC);
  set_word(image, 1, CXF_ISA_VERSION + 1);
  set_word(image, 6, 512);
  say("load, other version", cxf_load(&core, image, sizeof image));
  set_word(image, 1, CXF_ISA_VERSION);
  say("load, cut off", cxf_load(&core, image, 60));
  set_word(image, 6, sizeof memory + 1);
  say("load, too small", cxf_load(&core, image, sizeof image));
  set_word(image, 6, 512);
  set_word(image, 2, 0x081010);
  say("load, no array", cxf_load(&core, image, sizeof image));
  f.registers[CXF_REG_CAPS_ARRAY / 4] = 0x081010;
  set_word(image, 4, 7);
  f.registers[CXF_REG_CAPS_WEIGHTS / 4] = 6;
  say("load, too few weights", cxf_load(&core, image, sizeof image));
  f.registers[CXF_REG_CAPS_WEIGHTS / 4] = 7;
  memset(memory, 0xff, sizeof memory);
  say("load", cxf_load(&core, image, sizeof image));
  printf("cleared %d, beyond %d, flushed %d to %d\n", memory[511], memory[512], (int)(f.flushed_from - memory), (int)(f.flushed_to - memory));

  say("input, wrong size", cxf_set_input(&core, &input, bytes, 3));
  say("input, outside", cxf_set_input(&core, &outside, bytes, 4));
  say("input", cxf_set_input(&core, &input, bytes, 4));
  say("start", cxf_start(&core));
  say("start again", cxf_start(&core));
  say("poll", cxf_poll(&core));
  say("output, too early", cxf_get_output(&core, &output, bytes, 4));
  say("wait", cxf_wait(&core));
  say("output", cxf_get_output(&core, &output, bytes, 4));
  const uint32_t first = cxf_interrupt(&core), second = cxf_interrupt(&core);
  printf("bytes %d %d %d %d, interrupt %" PRIx32 " then %" PRIx32 "\n", bytes[0], bytes[1], bytes[2], bytes[3], first, second);

  f.registers[CXF_REG_CYCLES_LO / 4] = 5;
  f.registers[CXF_REG_CYCLES_HI / 4] = 1;
  cxf_read_counters(&core, &counters);
  printf("cycles %" PRIu64 "\n", counters.cycles);
  say("timeout", cxf_set_timeout(&core, CXF_TIMEOUT_UNIT_CYCLES + 1));
  printf("units %" PRIu32 "\n", f.registers[CXF_REG_TIMEOUT / 4]);

  f.error = CXF_ERR_BUS_READ;
  say("bus error", cxf_run(&core));
  printf("info %" PRIu32 ": %s\n", cxf_error_info(&core), cxf_info_text((cxf_result)CXF_ERR_BUS_READ));
  f.error = 0;
  f.duration = -1;
  say("hang", cxf_run(&core));
  say("run after that", cxf_run(&core));
  say("unknown", (cxf_result)999);
  return 0;
}
