/* Which level of a program to run. */
#ifndef CX_RUNTIME_LEVELS_H
#define CX_RUNTIME_LEVELS_H

#include "cx_runtime_memory.h"

/** The level of that name, or the best that the processor runs for NULL or ""; NULL after CX_BAD_LEVEL. */
const cx_level *cx_choose_level(const char *name, cx_failure *failure);

#endif
