/* The command line of the runner. */
#ifndef CX_MAIN_OPTIONS_H
#define CX_MAIN_OPTIONS_H

#include <stdint.h>

/** Exit codes, as those of cortexc. */
enum { CX_EXIT_OK = 0, CX_EXIT_MISMATCH = 1, CX_EXIT_USAGE = 2, CX_EXIT_INPUT = 3, CX_EXIT_UNSUPPORTED = 4, CX_EXIT_RESOURCE = 5, CX_EXIT_INTERNAL = 70 };

typedef struct cx_options {
    uint32_t threads;
    uint32_t repeat;
    /** NULL: the best level. */
    const char *isa;
    const char *parameters;
    const char *vectors;
    /** Folder for outputs; NULL: none is written. */
    const char *out;
    int check, profile, help, list;
    /** The files named, in order of the inputs. */
    const char **files;
    uint32_t file_count;
} cx_options;

/** Reads the arguments; says on stderr what is wrong. @returns an exit code. `files` points into `argv`. */
int cx_options_read(int argc, char **argv, cx_options *options);
void cx_usage(const char *program);

#endif
