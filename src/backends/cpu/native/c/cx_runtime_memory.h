/*
 * Memory of an opened program: linear memory, and the parameter file, which is mapped read-only where the system can.
 */
#ifndef CX_RUNTIME_MEMORY_H
#define CX_RUNTIME_MEMORY_H

#include "cx_runtime.h"

typedef struct cx_memory {
    uint8_t *linear;
    uint64_t linear_bytes;
    /** The parameter file, zeros for CX_FILE_SLACK bytes behind it; NULL without parameters. */
    const uint8_t *file;
    /** Bytes reserved for it. */
    uint64_t file_bytes;
    /** The open file, to map parts of it into linear memory; -1 where nothing is mapped. */
    int descriptor;
} cx_memory;

/** Kernels may read this far behind the last parameter. */
#define CX_FILE_SLACK 65536u

/** A status and the sentence for it. */
typedef struct cx_failure {
    cx_status status;
    char *message;
    size_t message_bytes;
} cx_failure;

/** Records a failure unless there is one; gives its status back. */
cx_status cx_fail(cx_failure *failure, cx_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** Gets linear memory, zeroed, and the parameter file of exactly program->parameter_bytes bytes. */
cx_status cx_memory_open(cx_memory *memory, const cx_program *program, const char *parameter_path, cx_failure *failure);
/** Makes bytes of the parameter file appear in linear memory: mapped where pages coincide, copied elsewhere. */
cx_status cx_memory_place(cx_memory *memory, const cx_parameter *parameter, cx_failure *failure);
/** Gives everything back; may be called after a failed cx_memory_open. */
void cx_memory_close(cx_memory *memory);

#endif
