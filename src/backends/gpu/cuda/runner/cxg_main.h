/* The command line of the runner. */
#ifndef CXG_MAIN_H
#define CXG_MAIN_H

#include "cxg_program.h"

typedef struct cxg_options {
    cxg_open_options open;
    const char *out, *vectors;
    const char **files;
    uint32_t file_count, repeat;
    int check, bench, profile, list, json, help;
} cxg_options;

/** Exit codes, as of the runner for CPUs. */
enum { CXG_EXIT_OK = 0, CXG_EXIT_MISMATCH = 1, CXG_EXIT_USAGE = 2, CXG_EXIT_INPUT = 3, CXG_EXIT_DEVICE = 4 };

/** @returns an exit code */
int cxg_options_read(int argc, char **argv, cxg_options *options);
void cxg_usage(const char *program);

/** Times runs and prints them; see README. @returns an exit code */
int cxg_bench(cxg_instance *instance, const cxg_options *options);
/** Prints the time of each step. @returns an exit code */
int cxg_print_profile(cxg_instance *instance, const cxg_options *options);

#endif
