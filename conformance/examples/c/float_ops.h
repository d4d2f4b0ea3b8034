#ifndef FLOAT_OPS_H
#define FLOAT_OPS_H
#include "ops.h"

/* A case with float32 operands and result. */
const char *float_op(Case *c, const char *op);
#endif
