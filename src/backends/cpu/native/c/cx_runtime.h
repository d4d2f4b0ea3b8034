/*
 * The runtime of compiled programs: what a program consists of (cx_program, which the generated program.c fills), and the
 * functions that open and run it. No function aborts: each returns a status, and cx_open a sentence besides.
 *
 * program.c, for every level that it is compiled for, ends with
 *     const cx_program CX_PROGRAM = { .format = CX_FORMAT, ... };
 */
#ifndef CX_RUNTIME_H
#define CX_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "cx_env.h"

/** Version of cx_program; a program made for another is refused. */
#define CX_FORMAT 1u
#define CX_MAX_RANK 8
/** cx_parameter.address of a parameter that is read only where it lies. */
#define CX_EXTERNAL UINT64_MAX

typedef enum cx_dtype { CX_I8, CX_I16, CX_I32, CX_U8, CX_BOOL, CX_F32, CX_I6 } cx_dtype;

/** An input or output: row-major elements, little-endian, at `address` of linear memory. i6 and bool take a byte each. */
typedef struct cx_port {
    const char *name;
    cx_dtype dtype;
    uint32_t rank;
    uint32_t shape[CX_MAX_RANK];
    uint64_t address;
    uint64_t bytes;
    /** For an output that is an input, passed through untouched: the number of the input + 1; else 0. */
    uint32_t passes;
} cx_port;

/** A parameter: `bytes` bytes from `offset` (a multiple of 64) of the parameter file on. */
typedef struct cx_parameter {
    uint64_t offset;
    uint64_t bytes;
    /** Where every run reads it in linear memory, or CX_EXTERNAL. On a page boundary big ones are mapped, else copied. */
    uint64_t address;
} cx_parameter;

/** A parameter that initialization alone reads: copied to `address` before init step `step`, or before the first (CX_ALL_INIT). */
typedef struct cx_staging {
    uint32_t parameter;
    uint32_t step;
    uint64_t address;
} cx_staging;
#define CX_ALL_INIT UINT32_MAX

/** Constants that are put into linear memory when the program is opened. */
typedef struct cx_blob {
    uint64_t address;
    uint64_t bytes;
    const void *data;
} cx_blob;

/** Code that runs once, when the program is opened. */
typedef void (*cx_init_step)(const cx_env *e);

typedef struct cx_step {
    /** The place in the model and the op, for people. */
    const char *place;
    const char *op;
    /** Does the share of `thread` of `threads`. */
    void (*run)(const cx_env *e, uint32_t thread, uint32_t threads);
    /** 1: every thread calls it; 0: thread 0 alone, as (0, 1). */
    uint32_t parallel;
    /** Multiply-accumulates. */
    uint64_t macs;
} cx_step;

typedef struct cx_program {
    uint32_t format;
    /** Most threads that the memory plan has scratch for, at least 1. */
    uint32_t max_threads;
    /** SHA-256 of the program in hex, or what else identifies it; "" when nothing does. */
    const char *name;
    /** Bytes of linear memory, slack behind the last buffer included. */
    uint64_t memory_bytes;
    /** Exact size of the parameter file; 0 when there are no parameters (then no file is opened). */
    uint64_t parameter_bytes;
    uint32_t input_count, output_count, parameter_count, staging_count, blob_count, init_count, step_count;
    const cx_port *inputs;
    const cx_port *outputs;
    const cx_parameter *parameters;
    const cx_staging *stagings;
    const cx_blob *blobs;
    const cx_init_step *init;
    const cx_step *steps;
} cx_program;

typedef enum cx_status {
    CX_OK = 0,
    /** The program was compiled for another version of the runtime, or contradicts itself. */
    CX_BAD_PROGRAM = 1,
    /** No level of that name, or the processor lacks it. */
    CX_BAD_LEVEL = 2,
    /** The parameter file cannot be opened or read. */
    CX_PARAMETERS_UNREADABLE = 3,
    /** The parameter file has another size. */
    CX_PARAMETERS_SIZE = 4,
    CX_NO_MEMORY = 5,
    CX_NO_THREADS = 6,
    /** An index or argument is out of range. */
    CX_BAD_ARGUMENT = 7,
    /** A run is going on: a program runs once at a time. */
    CX_BUSY = 8
} cx_status;

typedef struct cx_instance cx_instance;

#if defined(_WIN32)
#define CX_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define CX_EXPORT __attribute__((visibility("default")))
#else
#define CX_EXPORT
#endif

/**
 * Opens the program: maps parameters and memory, runs the init steps, starts threads - 1 workers.
 * @param level - name of a level, or NULL or "" for the best that this processor has
 * @param threads - 1 or more; no more than max_threads are used
 * @param message - receives a sentence when the status is not CX_OK, cut off at message_bytes
 */
CX_EXPORT cx_status cx_open(const char *parameter_path, const char *level, uint32_t threads, cx_instance **result, char *message,
                            size_t message_bytes);
/** Ends the workers and gives all memory back; NULL is fine. Not during a run. */
CX_EXPORT void cx_close(cx_instance *instance);

CX_EXPORT const cx_program *cx_program_of(const cx_instance *instance);
/** Name of the level in use. */
CX_EXPORT const char *cx_level_of(const cx_instance *instance);
CX_EXPORT uint32_t cx_threads_of(const cx_instance *instance);
/** Where an input is written before each run (a run may overwrite it); NULL for an index out of range. */
CX_EXPORT void *cx_input(cx_instance *instance, uint32_t index);
/** Copies an input in; `bytes` has to be the port's. */
CX_EXPORT cx_status cx_write_input(cx_instance *instance, uint32_t index, const void *from, uint64_t bytes);
/** Where an output lies after a run, until the next; NaNs have any bits. NULL for an index out of range. */
CX_EXPORT const void *cx_output(const cx_instance *instance, uint32_t index);
/** Copies an output; NaNs of f32 become 0x7fc00000. `bytes` has to be the port's. */
CX_EXPORT cx_status cx_read_output(const cx_instance *instance, uint32_t index, void *to, uint64_t bytes);
CX_EXPORT cx_status cx_run(cx_instance *instance);
/** Runs one step with all threads: for profiles and traces. All steps in order are a run. */
CX_EXPORT cx_status cx_run_step(cx_instance *instance, uint32_t step);
/** A run on one thread, however many there are, that also gives the nanoseconds of each step; `count` has to be step_count. */
CX_EXPORT cx_status cx_profile(cx_instance *instance, uint64_t *nanoseconds, uint32_t count);

/** Levels of this library in the order best last; NULL past the end. */
CX_EXPORT const char *cx_level_name(uint32_t index);
/** 1 when this processor has the instructions of the level. */
CX_EXPORT int cx_processor_has(const char *level);
/**
 * Facts for hosts that cannot read C structures, as text: one fact a line,
 *     format N / level NAME / threads N / memory BYTES / parameters BYTES
 *     input|output xNAME DTYPE BYTES PASSES DIMENSION...
 *     step PARALLEL MACS xOP xPLACE
 * where xNAME is x and the bytes of the name in hex.
 * @returns bytes needed, the final NUL included; the text is cut off when that is more than `bytes`
 */
CX_EXPORT size_t cx_describe(const cx_instance *instance, char *to, size_t bytes);

/** A level that was linked. */
typedef struct cx_level {
    const char *name;
    const cx_program *program;
    /** The level whose instructions its code holds: another than `name` where the level is emulated. */
    const char *needs;
} cx_level;
/** Ends with a NULL name, best last (cx_runtime_levels.c). */
extern const cx_level cx_levels[];

#endif
