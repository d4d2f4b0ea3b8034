#include "ops.h"

#include <string.h>

/* Wrapping is defined on unsigned integers only. */
static int32_t wrap_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
static int32_t wrap_sub(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
static int32_t wrap_mul(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }

static int64_t clamp64(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

/* >> of a negative number is up to the compiler: floor division says what is meant. */
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
static int64_t rshr(int64_t v, int s) { return s == 0 ? v : floor_div(v + ((int64_t)1 << (s - 1)), (int64_t)1 << s); }
static int64_t rdiv(int64_t a, int64_t b) { return floor_div(2 * a + b, 2 * b); }

double attr_number(const Case *c, const char *name) {
  const Json *attr = json_member(c->attrs, name);
  return attr == NULL ? 0 : attr->number;
}
int32_t attr_at(const Case *c, const char *name, size_t i) { return (int32_t)json_number_at(json_member(c->attrs, name), i); }
static int is(const Tensor *t, const char *dtype) { return strcmp(t->dtype, dtype) == 0; }
size_t axis_of(const Case *c, size_t rank) {
  int axis = (int)attr_number(c, "axis");
  return (size_t)(axis < 0 ? axis + (int)rank : axis);
}
size_t product(const size_t *shape, size_t from, size_t to) {
  size_t n = 1;
  for (size_t i = from; i < to; i++) n *= shape[i];
  return n;
}

size_t offset_of(const Tensor *t, const Tensor *y, size_t i, size_t skip) {
  size_t offset = 0, step = product(t->shape, t->rank - skip, t->rank);
  for (size_t k = 1; k + skip <= y->rank; k++) {
    size_t size = y->shape[y->rank - skip - k], at = i % size;
    i /= size;
    if (k + skip > t->rank) continue;
    size_t own = t->shape[t->rank - skip - k];
    if (own != 1) offset += at * step;
    step *= own;
  }
  return offset;
}

static const char *binary(Case *c, int32_t (*f)(int32_t, int32_t)) {
  if (!is(&c->x[0], "i32")) return "only i32";
  for (size_t i = 0; i < c->y.count; i++)
    c->y.data[i] = f(c->x[0].data[offset_of(&c->x[0], &c->y, i, 0)], c->x[1].data[offset_of(&c->x[1], &c->y, i, 0)]);
  return NULL;
}
static const char *add(Case *c) { return binary(c, wrap_add); }
static const char *sub(Case *c) { return binary(c, wrap_sub); }
static const char *mul(Case *c) { return binary(c, wrap_mul); }

static const char *relu(Case *c) {
  for (size_t i = 0; i < c->y.count; i++) c->y.data[i] = c->x[0].data[i] < 0 ? 0 : c->x[0].data[i];
  return NULL;
}

static const char *clamp(Case *c) {
  for (size_t i = 0; i < c->y.count; i++) c->y.data[i] = (int32_t)clamp64(c->x[0].data[i], (int64_t)attr_number(c, "lo"), (int64_t)attr_number(c, "hi"));
  return NULL;
}

static const char *rescale(Case *c) {
  const Tensor *x = &c->x[0];
  size_t inner = x->rank > 1 ? product(x->shape, 2, x->rank) : 1, channels = x->rank > 1 ? x->shape[1] : 1;
  for (size_t i = 0; i < x->count; i++) {
    size_t k = c->x[1].count == 1 ? 0 : i / inner % channels;
    /* |x| < 2^31 and M < 2^21, so the product is below 2^52 */
    int64_t scaled = (int64_t)wrap_sub(x->data[i], (int32_t)attr_number(c, "input_zero")) * c->x[1].data[k];
    int64_t y = rshr(scaled, c->x[2].data[k]) + (int64_t)attr_number(c, "output_zero");
    c->y.data[i] = (int32_t)clamp64(y, (int64_t)attr_number(c, "lo"), (int64_t)attr_number(c, "hi"));
  }
  return NULL;
}

static const char *table(Case *c) {
  const Tensor *x = &c->x[0], *t = &c->x[1];
  size_t inner = x->rank > 1 ? product(x->shape, 2, x->rank) : 1;
  for (size_t i = 0; i < x->count; i++) {
    int32_t v = x->data[i];
    if (is(x, "i16")) {
      int32_t at = (v + 32768) / 128, f = (v + 32768) % 128;
      c->y.data[i] = (int32_t)rshr((int64_t)t->data[at] * 128 + (int64_t)(t->data[at + 1] - t->data[at]) * f, 7);
    } else {
      size_t row = t->rank == 1 ? 0 : i / inner % x->shape[1];
      c->y.data[i] = t->data[row * 256 + (size_t)(v + (is(x, "i8") ? 128 : 0))];
    }
  }
  return NULL;
}

Place place_of(const Case *c, const size_t *kernel, size_t at, size_t k) {
  const Tensor *x = &c->x[0], *y = &c->y;
  size_t d = x->rank - 2, step = 1;
  Place place = {1, 1, 0};
  for (size_t i = d; i-- > 0;) {
    int64_t out = (int64_t)(at % y->shape[2 + i]), in_kernel = (int64_t)(k % kernel[i]);
    at /= y->shape[2 + i];
    k /= kernel[i];
    int64_t size = (int64_t)x->shape[2 + i], before = attr_at(c, "pads", i), after = attr_at(c, "pads", d + i);
    int64_t p = out * attr_at(c, "stride", i) - before + in_kernel * attr_at(c, "dilation", i);
    if (p < 0 || p >= size) place.inside = 0;
    if (p < -before || p >= size + after) place.padded = 0;
    if (place.inside) place.offset += (size_t)p * step;
    step *= x->shape[2 + i];
  }
  return place;
}

/* An exact sum of products, below 2^53, as int32: shifted, where operands have 16 bits, then the bias. */
static int32_t accumulated(const Case *c, int64_t sum, int32_t bias) {
  return wrap_add((int32_t)(uint32_t)(uint64_t)rshr(sum, (int)attr_number(c, "accumulator_shift")), bias);
}

static const char *conv(Case *c) {
  const Tensor *x = &c->x[0], *w = &c->x[1], *y = &c->y;
  size_t groups = (size_t)attr_number(c, "groups"), oc = w->shape[0], wc = w->shape[1], window = product(w->shape, 2, w->rank);
  size_t area = product(x->shape, 2, x->rank), out_area = product(y->shape, 2, y->rank);
  int32_t zero = (int32_t)attr_number(c, "pad_value");
  for (size_t i = 0; i < y->count; i++) {
    size_t at = i % out_area, o = i / out_area % oc, n = i / out_area / oc;
    int64_t sum = 0;
    for (size_t k = 0; k < window; k++) {
      Place place = place_of(c, &w->shape[2], at, k);
      for (size_t j = 0; j < wc; j++) {
        size_t channel = o / (oc / groups) * wc + j;
        int32_t v = place.inside ? x->data[(n * x->shape[1] + channel) * area + place.offset] : zero;
        sum += (int64_t)v * w->data[(o * wc + j) * window + k];
      }
    }
    y->data[i] = accumulated(c, sum, c->operands > 2 ? c->x[2].data[o] : 0);
  }
  return NULL;
}

static const char *dense(Case *c) {
  const Tensor *x = &c->x[0], *w = &c->x[1];
  size_t rows = w->shape[0], k = w->shape[1];
  for (size_t i = 0; i < c->y.count; i++) {
    size_t o = i % rows, row = i / rows;
    int64_t sum = 0;
    for (size_t j = 0; j < k; j++) sum += (int64_t)x->data[row * k + j] * w->data[o * k + j];
    c->y.data[i] = accumulated(c, sum, c->operands > 2 ? c->x[2].data[o] : 0);
  }
  return NULL;
}

static const char *matmul(Case *c) {
  const Tensor *a = &c->x[0], *b = &c->x[1], *y = &c->y;
  size_t m = y->shape[y->rank - 2], n = y->shape[y->rank - 1], k = a->shape[a->rank - 1];
  int32_t za = (int32_t)attr_number(c, "a_zero"), zb = (int32_t)attr_number(c, "b_zero");
  for (size_t i = 0; i < y->count; i++) {
    size_t column = i % n, row = i / n % m, batch = i / n / m;
    const int32_t *left = a->data + offset_of(a, y, batch, 2) + row * k, *right = b->data + offset_of(b, y, batch, 2) + column;
    int64_t sum = 0;
    for (size_t j = 0; j < k; j++) sum += (int64_t)(left[j] - za) * (right[j * n] - zb);
    y->data[i] = accumulated(c, sum, 0);
  }
  return NULL;
}

static const char *pool(Case *c, int average) {
  const Tensor *x = &c->x[0], *y = &c->y;
  size_t kernel[MAX_RANK], d = x->rank - 2, window = 1;
  for (size_t i = 0; i < d; i++) window *= kernel[i] = (size_t)attr_at(c, "kernel", i);
  size_t area = product(x->shape, 2, x->rank), out_area = product(y->shape, 2, y->rank);
  for (size_t i = 0; i < y->count; i++) {
    int64_t sum = 0, count = 0, padding = 0;
    int32_t greatest = INT32_MIN;
    for (size_t k = 0; k < window; k++) {
      Place place = place_of(c, kernel, i % out_area, k);
      if (place.inside) {
        int32_t v = x->data[i / out_area * area + place.offset];
        sum += v;
        count++;
        if (v > greatest) greatest = v;
      } else if (place.padded) {
        padding++;
      }
    }
    if (average && attr_number(c, "include_pad") != 0) {
      sum += padding * (int64_t)attr_number(c, "pad_value");
      count += padding;
    }
    y->data[i] = average ? (int32_t)rdiv(sum, count) : greatest;
  }
  return NULL;
}
static const char *max_pool(Case *c) { return pool(c, 0); }
static const char *average_pool(Case *c) { return pool(c, 1); }

static const char *softmax_lut(Case *c) {
  const Tensor *x = &c->x[0], *t = &c->x[1];
  size_t axis = axis_of(c, x->rank), n = x->shape[axis], inner = product(x->shape, axis + 1, x->rank);
  for (size_t row = 0; n > 0 && row < x->count / n; row++) {
    size_t start = row / inner * n * inner + row % inner;
    int32_t greatest = INT32_MIN;
    int64_t sum = 0;
    for (size_t k = 0; k < n; k++)
      if (x->data[start + k * inner] > greatest) greatest = x->data[start + k * inner];
    for (size_t k = 0; k < n; k++) sum += clamp64(t->data[greatest - x->data[start + k * inner]], 0, 65536);
    int64_t r = sum == 0 ? 0 : ((int64_t)1 << 46) / sum;
    for (size_t k = 0; k < n; k++) {
      int64_t e = clamp64(t->data[greatest - x->data[start + k * inner]], 0, 65536);
      int64_t y = (e * r + ((int64_t)1 << 37)) >> 38; /* not negative */
      c->y.data[start + k * inner] = (int32_t)(y > 255 ? 255 : y) - 128;
    }
  }
  return NULL;
}

static const char *concat(Case *c) {
  size_t axis = axis_of(c, c->y.rank), at = 0;
  for (size_t outer = 0; outer < product(c->y.shape, 0, axis); outer++)
    for (size_t k = 0; k < c->operands; k++) {
      size_t run = product(c->x[k].shape, axis, c->x[k].rank);
      for (size_t i = 0; i < run; i++) c->y.data[at++] = c->x[k].data[outer * run + i];
    }
  return NULL;
}

static const char *reshape(Case *c) {
  for (size_t i = 0; i < c->y.count; i++) c->y.data[i] = c->x[0].data[i];
  return NULL;
}

static const char *transpose(Case *c) {
  const Tensor *x = &c->x[0], *y = &c->y;
  for (size_t i = 0; i < y->count; i++) {
    size_t rest = i, offset = 0;
    for (size_t k = y->rank; k-- > 0;) {
      size_t from = (size_t)attr_at(c, "perm", k);
      offset += rest % y->shape[k] * product(x->shape, from + 1, x->rank);
      rest /= y->shape[k];
    }
    y->data[i] = x->data[offset];
  }
  return NULL;
}

const OpRow OPS[] = {
    {"add", add},           {"sub", sub},         {"mul", mul},   {"relu", relu},     {"clamp", clamp},       {"rescale", rescale},
    {"table", table},       {"conv", conv},       {"dense", dense}, {"matmul", matmul}, {"max_pool", max_pool}, {"average_pool", average_pool},
    {"softmax_lut", softmax_lut}, {"concat", concat}, {"reshape", reshape}, {"transpose", transpose},
    /* with a float form only */
    {"div", NULL}, {"maximum", NULL}, {"minimum", NULL}, {"pow", NULL}, {"neg", NULL}, {"abs", NULL}, {"clip", NULL}, {"leaky_relu", NULL},
    {"elu", NULL}, {"sigmoid", NULL}, {"tanh", NULL}, {"erf", NULL}, {"exp", NULL}, {"log", NULL}, {"sqrt", NULL}, {"softplus", NULL},
    {"floor", NULL}, {"ceil", NULL}, {"round", NULL}, {"sign", NULL}, {"trunc", NULL}, {"reduce_sum", NULL}, {"reduce_mean", NULL},
    {"reduce_max", NULL}, {"reduce_min", NULL}, {"reduce_prod", NULL}, {"softmax", NULL}, {"log_softmax", NULL}, {"lrn", NULL},
};
const size_t OP_COUNT = sizeof(OPS) / sizeof(OPS[0]);
