/* The header of a .npy file. */
#ifndef CX_NPY_HEADER_H
#define CX_NPY_HEADER_H

#include <stddef.h>
#include <stdint.h>

/** Shapes beyond this rank are told apart, not kept. */
#define CX_NPY_MAX_RANK 32

typedef struct cx_npy_header {
    /** As written: "<f4". */
    char descr[32];
    int fortran_order;
    uint32_t rank;
    /** Sizes above 2^62 are kept as 2^62. */
    uint64_t shape[CX_NPY_MAX_RANK];
} cx_npy_header;

/** Reads the dictionary of a header, its keys in any order. @returns NULL, or the end of the sentence "the header ..." */
const char *cx_npy_parse(const char *text, size_t length, cx_npy_header *header);

#endif
