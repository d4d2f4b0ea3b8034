/*
 * Driver of the FPGA core: no heap, no operating system, C99. One cxf_core a core; not re-entrant.
 *
 * The memory of the image is seen from two sides: the processor's pointer and the core's bus address. Where the processor has a
 * data cache that the core does not see, `port.to_core` and `port.from_core` write it back and invalidate it.
 */
#ifndef CXF_H
#define CXF_H

#include <stddef.h>
#include <stdint.h>

/* How registers are reached, and what else depends on the system. Functions but read and write may be NULL. */
typedef struct {
  uint32_t (*read)(void *context, uint32_t offset);
  void (*write)(void *context, uint32_t offset, uint32_t value);
  /* Makes what the processor wrote visible to the core. */
  void (*to_core)(void *context, const void *at, size_t bytes);
  /* Makes what the core wrote visible to the processor. */
  void (*from_core)(void *context, void *at, size_t bytes);
  /* Called while waiting: sleeps until the interrupt, yields or counts; a value other than 0 gives up. */
  int (*idle)(void *context);
  void *context;
} cxf_port;

/* Results of all functions: 0, an error of the core (1 to 99, CXF_ERR_*), or one of the driver. */
typedef enum {
  CXF_OK = 0,
  CXF_NO_CORE = 100,   /* register ID has another value: wrong address, or no clock */
  CXF_WRONG_VERSION,   /* register VERSION or the image is of another version of this driver */
  CXF_TOO_SMALL,       /* the memory is smaller than the image needs */
  CXF_WRONG_IMAGE,     /* not an image, or cut off */
  CXF_WRONG_ARRAY,     /* the image is for an array that this core does not have */
  CXF_BUSY,            /* a run is on */
  CXF_GIVEN_UP,        /* port.idle said so: the core is reset */
  CXF_NO_IMAGE,        /* nothing is loaded */
  CXF_REFUSED,         /* the core refused a write: register REFUSED */
  CXF_WRONG_SIZE       /* a tensor has another number of bytes */
} cxf_result;

/* CXF_I6: a byte an element, -32 to 31. */
typedef enum { CXF_BOOL, CXF_U8, CXF_I6, CXF_I8, CXF_I16, CXF_I32, CXF_F32 } cxf_type;

/* A tensor of the program in the memory of the image: row-major, little-endian. */
typedef struct {
  const char *name;
  cxf_type type;
  uint32_t rank;
  const uint32_t *shape;
  /* From BASE. */
  uint32_t offset;
  uint32_t bytes;
} cxf_tensor;

/* What a program is: cxf_model.h of an emitted folder holds one. */
typedef struct {
  const char *name;
  /* Memory that a run uses, with image. */
  uint32_t memory_bytes;
  uint32_t image_bytes;
  uint32_t inputs, outputs;
  const cxf_tensor *input, *output;
  uint32_t steps;
  const char *const *step;
} cxf_model;

typedef struct {
  cxf_port port;
  uint8_t *memory;
  uint64_t address;
  uint32_t bytes;
  /* Bytes that the loaded image uses; 0: none is loaded. */
  uint32_t used;
} cxf_core;

/* Values of the counters after a run. A beat is 16 bytes. */
typedef struct {
  uint64_t cycles, array_cycles, instructions, read_beats, write_beats;
} cxf_counters;

/*
 * Takes hold of the core and resets it.
 * memory: the image's memory as the processor sees it; address: the same as the core sees it, a multiple of 4096; bytes: its size
 */
cxf_result cxf_open(cxf_core *core, cxf_port port, void *memory, uint64_t address, uint32_t bytes);

/* Copies an image, clears the rest of its memory, and runs its initialization. The core checks both sums of the image. */
cxf_result cxf_load(cxf_core *core, const void *image, uint32_t bytes);
/* The same for an image that is in memory already (its bytes beyond the file are 0). */
cxf_result cxf_initialise(cxf_core *core);

/* Copy a tensor into and out of the memory of the image; bytes has to be that of the tensor. */
cxf_result cxf_set_input(cxf_core *core, const cxf_tensor *tensor, const void *from, uint32_t bytes);
cxf_result cxf_get_output(cxf_core *core, const cxf_tensor *tensor, void *to, uint32_t bytes);

/* Starts a run and returns at once. */
cxf_result cxf_start(cxf_core *core);
/* CXF_BUSY while the run is on, then its result. */
cxf_result cxf_poll(cxf_core *core);
/* Waits for the end of the run. */
cxf_result cxf_wait(cxf_core *core);
/* start and wait. */
cxf_result cxf_run(cxf_core *core);
/* Ends a run, waits until the bus is in order, and forgets the image. */
cxf_result cxf_reset(cxf_core *core);

void cxf_enable_interrupt(cxf_core *core, int on);
/* For the handler of the interrupt: clears it and gives the bits CXF_IRQ_STATUS_*. */
uint32_t cxf_interrupt(cxf_core *core);
/* Cycles that a run may take, rounded up to CXF_TIMEOUT_UNIT_CYCLES; 0: any number. */
cxf_result cxf_set_timeout(cxf_core *core, uint64_t cycles);

void cxf_read_counters(cxf_core *core, cxf_counters *counters);
/* Cycle at which a step of the last run began; step below CXF_KEPT_STEPS. */
uint64_t cxf_step_begin(cxf_core *core, uint32_t step);

/* Words for a result. The second says what cxf_error_info gives for it, or is empty. */
const char *cxf_text(cxf_result result);
const char *cxf_info_text(cxf_result result);
/* Register ERROR_INFO of the last run. */
uint32_t cxf_error_info(cxf_core *core);

#endif
