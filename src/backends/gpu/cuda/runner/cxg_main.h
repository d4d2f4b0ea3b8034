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

/** @returns an exit code */
int cxg_options_read(int argc, char **argv, cxg_options *options);
void cxg_usage(const char *program);

/** Times runs and prints them; see README. @returns an exit code */
int cxg_bench(cxg_instance *instance, const cxg_options *options);
/** Prints the time of each step. @returns an exit code */
int cxg_print_profile(cxg_instance *instance, const cxg_options *options);

#endif
