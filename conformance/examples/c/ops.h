/* Integer ops by their definitions in docs/ops.md. Elements are kept as int32 whatever the dtype. */
#ifndef OPS_H
#define OPS_H
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { MAX_RANK = 8, MAX_OPERANDS = 16 };

typedef struct {
  char dtype[8];
  size_t rank, shape[MAX_RANK];
  size_t count;
  int32_t *data;
} Tensor;

typedef struct {
  const Json *attrs;
  size_t operands;
  Tensor x[MAX_OPERANDS];
  Tensor y; /* the one result: its type is given, its data is to be filled */
} Case;

/* NULL when y is filled, else the reason of the refusal. */
typedef const char *Op(Case *c);

typedef struct {
  const char *name;
  Op *run;
} OpRow;

extern const OpRow OPS[];
extern const size_t OP_COUNT;
#endif
