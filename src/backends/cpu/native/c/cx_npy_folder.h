/*
 * What runners of emitted folders do with files: .npy of inputs and outputs, and the folder of test vectors.
 */
#ifndef CX_NPY_FOLDER_H
#define CX_NPY_FOLDER_H

#include "cx_npy.h"

/** Reads a file for a port. @returns 0, or 1 after telling on stderr what is wrong with the file */
int cx_npy_load(const char *path, const cx_port *port, void *to);

/** A line for each port: "KIND NAME: TYPE". */
void cx_list_ports(const char *kind, const cx_port *ports, uint32_t count);

/** FOLDER/NAME.npy, where characters of a port's name that do not go into file names become _ and an empty name its number. */
void cx_output_path(const char *folder, const cx_port *port, uint32_t index, char *to, size_t bytes);

/** Which vectors there were, and how they went. */
typedef struct cx_vector_counts {
    unsigned all;
    /** Of which the check returned 0. */
    unsigned same;
    /** The greatest number that a check returned. */
    int worst;
} cx_vector_counts;

/**
 * Calls `check` with the name of each vector of FOLDER/list.txt, one a line, until it returns more than `most`.
 * @returns 0, or 1 after telling on stderr that there is no list, or no name in it
 */
int cx_each_vector(const char *folder, int (*check)(void *context, const char *vector), void *context, int most, cx_vector_counts *counts);

#endif
