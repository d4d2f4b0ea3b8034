/* Ops by their definitions in docs/ops.md. Elements are kept as int32 whatever the dtype; those of f32 as their bits. */
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

/* Where a window stands: the place in the input of kernel offset `k` for the result at row-major spatial index `at`. */
typedef struct {
  int inside, padded; /* inside the input; inside the input with its padding */
  size_t offset;
} Place;
Place place_of(const Case *c, const size_t *kernel, size_t at, size_t k);

double attr_number(const Case *c, const char *name);
int32_t attr_at(const Case *c, const char *name, size_t i);
size_t axis_of(const Case *c, size_t rank);
size_t product(const size_t *shape, size_t from, size_t to);
/* Offset into `t`, broadcast to y, of the element of y with row-major index `i`; the last `skip` axes are left out. */
size_t offset_of(const Tensor *t, const Tensor *y, size_t i, size_t skip);

extern const OpRow OPS[];
extern const size_t OP_COUNT;
#endif
