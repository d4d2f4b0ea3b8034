/* Test vectors of the runner. */
#ifndef CX_MAIN_CHECK_H
#define CX_MAIN_CHECK_H

#include "cx_runtime.h"

/**
 * Runs every vector of a folder and compares all bytes. FOLDER/list.txt names them, one a line; NAME has the files
 * NAME/input0.npy… and NAME/output0.npy…, in the order of the ports. @returns an exit code
 */
int cx_check(cx_instance *instance, const char *folder);

#endif
