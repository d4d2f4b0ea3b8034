/*
 * What a compiled program for a GPU consists of (the generated tables.c fills cxg_program_table), and a running one.
 */
#ifndef CXG_PROGRAM_H
#define CXG_PROGRAM_H

#include "cx_runtime.h"
#include "cxg_driver.h"

/** A kernel's start. */
typedef struct cxg_start {
    const char *kernel;
    /** The module that has it. */
    uint32_t module;
    uint32_t grid[3];
    uint32_t block;
    /** Bytes of dynamic shared memory. */
    uint32_t shared_bytes;
} cxg_start;

/** A step: starts `first` to `first + count`. */
typedef struct cxg_step {
    /** Place in the model and op, for people; "" for the initialization. */
    const char *place, *op;
    uint64_t macs;
    uint32_t first, count;
} cxg_step;

/** Bytes of the parameter file that are copied into the arena before step `before` of the initialization. */
typedef struct cxg_upload {
    uint64_t offset, bytes, address;
    uint32_t before;
} cxg_upload;

typedef struct cxg_program {
    const char *name;
    /** Bytes of the arena; of the parameter file; of its beginning, which kernels read where it lies. */
    uint64_t arena_bytes, file_bytes, resident_bytes;
    uint32_t module_count, input_count, output_count, start_count, init_count, step_count, upload_count;
    const cx_port *inputs, *outputs;
    /** What GPUs of compute capability 9.0 start in their place, one for one; null when it is the same. */
    const cxg_start *starts, *hopper_starts;
    const cxg_step *init, *steps;
    /** In the order of `before`. */
    const cxg_upload *uploads;
} cxg_program;

extern const cxg_program cxg_program_table;

/** Exit codes, as of the runner for CPUs. */
enum { CXG_EXIT_OK = 0, CXG_EXIT_MISMATCH = 1, CXG_EXIT_USAGE = 2, CXG_EXIT_INPUT = 3, CXG_EXIT_DEVICE = 4 };

/** What every kernel is given; cx_env of cxg_prims.cuh. */
typedef struct cxg_env {
    cxg_address m, params;
} cxg_env;

/** A program on a device. */
typedef struct cxg_instance {
    const cxg_program *program;
    /** The program's for this device. */
    const cxg_start *starts;
    cxg_device device;
    cxg_handle context, stream, *modules, *functions;
    /** Runs with copies of inputs and outputs, and without. */
    cxg_handle whole, kernels;
    cxg_address arena, params;
    uint32_t time_limit;
    cxg_env env;
    /** Pinned memory of the host: all inputs, then all outputs, each aligned to 64. */
    uint8_t *pinned;
    uint64_t pinned_bytes;
} cxg_instance;

typedef struct cxg_open_options {
    /** Of the driver. */
    const char *library;
    int device;
    /** Modules are program.SUFFIX, or program_0.SUFFIX and so on. */
    const char *suffix;
    const char *parameters;
    /** Seconds that a run, or a step of the initialization, may take. */
    uint32_t time_limit;
} cxg_open_options;

/** A clock that only goes forward. */
double cxg_milliseconds(void);

/** Loads modules, memory and parameters, runs the initialization, records the graphs. @returns 0, or 1 after a message on stderr */
int cxg_open(const cxg_program *program, const cxg_open_options *options, cxg_instance *instance);
void cxg_close(cxg_instance *instance);

/** Pinned memory of an input or output. */
uint8_t *cxg_input(const cxg_instance *instance, uint32_t index);
uint8_t *cxg_output(const cxg_instance *instance, uint32_t index);

/**
 * Copies inputs, runs, copies outputs, waits; NaNs of outputs become 0x7fc00000. @returns 0, or 1 after a message.
 * Ends the process with CXG_EXIT_DEVICE after the time limit: what hangs on a device can neither be stopped nor released from within.
 */
int cxg_run(cxg_instance *instance);
/** Milliseconds of each step, on the device. `times` has step_count elements. */
int cxg_profile(cxg_instance *instance, float *times);

#endif
