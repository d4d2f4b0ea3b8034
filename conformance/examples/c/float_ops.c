/* The strict float32 forms: each result is rounded once, sums run in the defined order, NaN is one bit pattern. */
#include "float_ops.h"

#include <math.h>
#include <string.h>

#include "strict_float.h"

/* Elements are kept as bits. */
static float get(const Tensor *t, size_t i) {
  float v;
  memcpy(&v, &t->data[i], sizeof v);
  return v;
}
static void put(Tensor *t, size_t i, double value) {
  float v = (float)value;
  if (v != v) t->data[i] = 0x7fc00000;
  else memcpy(&t->data[i], &v, sizeof v);
}

static double plus(double a, double b) { return a + b; }
static double minus(double a, double b) { return a - b; }
static double times(double a, double b) { return a * b; }
static double over(double a, double b) { return a / b; }

typedef struct {
  const char *name;
  double (*f)(double, double);
} Binary;
static const Binary BINARY[] = {{"add", plus}, {"sub", minus}, {"mul", times}, {"div", over}, {"maximum", strict_max}, {"minimum", strict_min}, {"pow", strict_pow}};

static double negate(double x) { return -x; }
static double rectify(double x) { return x > 0 || x != x ? x : 0; }
static double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }

typedef struct {
  const char *name;
  double (*f)(double);
} Unary;
static const Unary UNARY[] = {
    {"neg", negate}, {"abs", fabs}, {"relu", rectify}, {"sigmoid", strict_sigmoid}, {"tanh", strict_tanh}, {"erf", strict_erf},
    {"exp", strict_exp}, {"log", strict_log}, {"sqrt", sqrt}, {"softplus", strict_softplus}, {"floor", floor}, {"ceil", ceil},
    {"round", strict_round}, {"sign", sign_of}, {"trunc", trunc},
};

static const char *parametric(Case *c, const char *op) {
  const Tensor *x = &c->x[0];
  for (size_t i = 0; i < x->count; i++) {
    double v = get(x, i), y;
    if (strcmp(op, "clip") == 0) y = v < attr_number(c, "min") ? attr_number(c, "min") : v > attr_number(c, "max") ? attr_number(c, "max") : v;
    else if (strcmp(op, "leaky_relu") == 0) y = v < 0 ? attr_number(c, "alpha") * v : v;
    else y = v > 0 ? attr_number(c, "gamma") * v : attr_number(c, "gamma") * (attr_number(c, "alpha") * (strict_exp(v) - 1));
    put(&c->y, i, y);
  }
  return NULL;
}

/* s = fl(s + fl(w * x)), channels outer, window inner, from the bias or +0; padding reads +0. */
static const char *conv(Case *c) {
  const Tensor *x = &c->x[0], *w = &c->x[1], *y = &c->y;
  size_t groups = (size_t)attr_number(c, "groups"), oc = w->shape[0], wc = w->shape[1], window = product(w->shape, 2, w->rank);
  size_t area = product(x->shape, 2, x->rank), out_area = product(y->shape, 2, y->rank);
  for (size_t i = 0; i < y->count; i++) {
    size_t at = i % out_area, o = i / out_area % oc, n = i / out_area / oc;
    float sum = c->operands > 2 ? get(&c->x[2], o) : 0;
    for (size_t j = 0; j < wc; j++)
      for (size_t k = 0; k < window; k++) {
        Place place = place_of(c, &w->shape[2], at, k);
        size_t channel = o / (oc / groups) * wc + j;
        float v = place.inside ? get(x, (n * x->shape[1] + channel) * area + place.offset) : 0;
        float term = v * get(w, (o * wc + j) * window + k);
        sum = sum + term;
      }
    put(&c->y, i, sum);
  }
  return NULL;
}

static const char *dense(Case *c) {
  const Tensor *x = &c->x[0], *w = &c->x[1];
  size_t rows = w->shape[0], k = w->shape[1];
  for (size_t i = 0; i < c->y.count; i++) {
    float sum = c->operands > 2 ? get(&c->x[2], i % rows) : 0;
    for (size_t j = 0; j < k; j++) {
      float term = get(x, i / rows * k + j) * get(w, i % rows * k + j);
      sum = sum + term;
    }
    put(&c->y, i, sum);
  }
  return NULL;
}

static const char *matmul(Case *c) {
  const Tensor *a = &c->x[0], *b = &c->x[1], *y = &c->y;
  size_t m = y->shape[y->rank - 2], n = y->shape[y->rank - 1], k = a->shape[a->rank - 1];
  for (size_t i = 0; i < y->count; i++) {
    size_t left = offset_of(a, y, i / n / m, 2) + i / n % m * k, right = offset_of(b, y, i / n / m, 2) + i % n;
    float sum = 0;
    for (size_t j = 0; j < k; j++) {
      float term = get(a, left + j) * get(b, right + j * n);
      sum = sum + term;
    }
    put(&c->y, i, sum);
  }
  return NULL;
}

static const char *pool(Case *c, int average) {
  const Tensor *x = &c->x[0], *y = &c->y;
  size_t kernel[MAX_RANK], d = x->rank - 2, window = 1;
  for (size_t i = 0; i < d; i++) window *= kernel[i] = (size_t)attr_at(c, "kernel", i);
  size_t area = product(x->shape, 2, x->rank), out_area = product(y->shape, 2, y->rank);
  for (size_t i = 0; i < y->count; i++) {
    float sum = 0;
    double greatest = -1.0 / 0.0;
    size_t count = 0, padding = 0;
    for (size_t k = 0; k < window; k++) {
      Place place = place_of(c, kernel, i % out_area, k);
      padding += !place.inside && place.padded;
      if (!place.inside) continue;
      float v = get(x, i / out_area * area + place.offset);
      sum = sum + v;
      greatest = strict_max(greatest, v);
      count++;
    }
    if (attr_number(c, "include_pad") != 0) count += padding;
    put(&c->y, i, average ? sum / (double)count : greatest);
  }
  return NULL;
}

/* Whether axis k is one of the attribute `axes`. */
static int reduced(const Case *c, size_t k) {
  const Json *axes = json_member(c->attrs, "axes");
  for (size_t i = 0; i < axes->count; i++) {
    int axis = attr_at(c, "axes", i);
    if ((size_t)(axis < 0 ? axis + (int)c->x[0].rank : axis) == k) return 1;
  }
  return 0;
}

/* Offset of the `i`-th of the positions along the reduced (or the kept) axes, row-major. */
static size_t along(const Case *c, size_t i, int inside) {
  const Tensor *x = &c->x[0];
  size_t offset = 0;
  for (size_t k = x->rank; k-- > 0;) {
    if (reduced(c, k) != inside) continue;
    offset += i % x->shape[k] * product(x->shape, k + 1, x->rank);
    i /= x->shape[k];
  }
  return offset;
}

static const char *reduce(Case *c, const char *op) {
  const Tensor *x = &c->x[0];
  size_t n = 1;
  for (size_t k = 0; k < x->rank; k++)
    if (reduced(c, k)) n *= x->shape[k];
  for (size_t i = 0; i < c->y.count; i++) {
    size_t base = along(c, i, 0);
    Sum sum = {{0}, 0};
    float factor = 1;
    double greatest = -1.0 / 0.0, least = 1.0 / 0.0;
    for (size_t k = 0; k < n; k++) {
      float v = get(x, base + along(c, k, 1));
      sum_add(&sum, v);
      factor = factor * v;
      greatest = strict_max(greatest, v);
      least = strict_min(least, v);
    }
    double total = sum_finish(&sum);
    if (strcmp(op, "reduce_sum") == 0) put(&c->y, i, total);
    else if (strcmp(op, "reduce_mean") == 0) put(&c->y, i, n == 0 ? 0 : total / (double)n);
    else if (strcmp(op, "reduce_prod") == 0) put(&c->y, i, factor);
    else put(&c->y, i, strcmp(op, "reduce_max") == 0 ? greatest : least);
  }
  return NULL;
}

static const char *softmax(Case *c, int logarithm) {
  const Tensor *x = &c->x[0];
  size_t axis = axis_of(c, x->rank), n = x->shape[axis], inner = product(x->shape, axis + 1, x->rank);
  for (size_t row = 0; n > 0 && row < x->count / n; row++) {
    size_t start = row / inner * n * inner + row % inner;
    double greatest = -1.0 / 0.0;
    for (size_t k = 0; k < n; k++) greatest = strict_max(greatest, get(x, start + k * inner));
    Sum sum = {{0}, 0};
    for (size_t k = 0; k < n; k++) sum_add(&sum, (float)strict_exp((float)(get(x, start + k * inner) - greatest)));
    double total = sum_finish(&sum);
    float ln = (float)strict_log(total);
    for (size_t k = 0; k < n; k++) {
      float shifted = (float)(get(x, start + k * inner) - greatest);
      put(&c->y, start + k * inner, logarithm ? (double)shifted - ln : (float)strict_exp(shifted) / total);
    }
  }
  return NULL;
}

static const char *lrn(Case *c) {
  const Tensor *x = &c->x[0];
  size_t channels = x->shape[1], inner = product(x->shape, 2, x->rank);
  long size = (long)attr_number(c, "size"), before = (size - 1) / 2;
  for (size_t i = 0; i < x->count; i++) {
    long channel = (long)(i / inner % channels);
    float sum = 0;
    for (long k = channel - before; k <= channel - before + size - 1; k++) {
      if (k < 0 || k >= (long)channels) continue;
      float v = get(x, i + (size_t)k * inner - (size_t)channel * inner), square = v * v;
      sum = sum + square;
    }
    double base = attr_number(c, "bias") + attr_number(c, "alpha") / (double)size * sum;
    put(&c->y, i, (double)get(x, i) * (float)strict_pow(base, -attr_number(c, "beta")));
  }
  return NULL;
}

const char *float_op(Case *c, const char *op) {
  for (size_t k = 0; k < sizeof(BINARY) / sizeof(BINARY[0]); k++) {
    if (strcmp(BINARY[k].name, op) != 0) continue;
    for (size_t i = 0; i < c->y.count; i++)
      put(&c->y, i, BINARY[k].f(get(&c->x[0], offset_of(&c->x[0], &c->y, i, 0)), get(&c->x[1], offset_of(&c->x[1], &c->y, i, 0))));
    return NULL;
  }
  for (size_t k = 0; k < sizeof(UNARY) / sizeof(UNARY[0]); k++) {
    if (strcmp(UNARY[k].name, op) != 0) continue;
    for (size_t i = 0; i < c->y.count; i++) put(&c->y, i, UNARY[k].f(get(&c->x[0], i)));
    return NULL;
  }
  if (strcmp(op, "clip") == 0 || strcmp(op, "leaky_relu") == 0 || strcmp(op, "elu") == 0) return parametric(c, op);
  if (strcmp(op, "conv") == 0) return conv(c);
  if (strcmp(op, "dense") == 0) return dense(c);
  if (strcmp(op, "matmul") == 0) return matmul(c);
  if (strcmp(op, "max_pool") == 0 || strcmp(op, "average_pool") == 0) return pool(c, op[0] == 'a');
  if (strncmp(op, "reduce_", 7) == 0) return reduce(c, op);
  if (strcmp(op, "softmax") == 0 || strcmp(op, "log_softmax") == 0) return softmax(c, op[0] == 'l');
  if (strcmp(op, "lrn") == 0) return lrn(c);
  return "no float form here";
}
