/*
 * Compile without contraction of a * b + c (-ffp-contract=off) and without -ffast-math: the sequences are the definition.
 * Of the C library only floor, fabs and sqrt are used, which are exact or correctly rounded.
 */
#include "strict_float.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double LOG2E = 1.4426950408889634, LN2_HI = 0.6931471803691238, LN2_LO = 1.9082149292705877e-10;

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static double from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static int negative(double x) { return (int)(bits_of(x) >> 63); }
static double nan_value(void) { return from_bits(0x7ff8000000000000u); }
static double infinity_value(void) { return from_bits(0x7ff0000000000000u); }

/* 2^k, subnormals included. */
static double pow2(int k) {
  if (k >= -1022) return from_bits((uint64_t)(k + 1023) << 52);
  return pow2(k + 60) / 1152921504606846976.0;
}

double strict_exp(double x) {
  if (x != x) return x;
  if (x > 710) return infinity_value();
  if (x < -746) return 0;
  double whole = floor(x * LOG2E + 0.5);
  double r = x - whole * LN2_HI - whole * LN2_LO, p = 0;
  for (int i = 13; i >= 2; i--) {
    double factorial = 1;
    for (int j = 2; j <= i; j++) factorial *= j;
    p = p * r + 1 / factorial;
  }
  double m = p * r * r + r + 1;
  int k = (int)whole, half = (int)floor(whole / 2);
  return m * pow2(half) * pow2(k - half);
}

double strict_log(double x) {
  if (x != x || x < 0) return nan_value();
  if (x == 0) return -infinity_value();
  if (x == infinity_value()) return x;
  int k = 0;
  if (bits_of(x) >> 52 == 0) {
    x *= 18014398509481984.0; /* 2^54 */
    k = -54;
  }
  k += (int)(bits_of(x) >> 52) - 1023;
  double m = from_bits((bits_of(x) & 0xfffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m /= 2;
    k += 1;
  }
  double f = m - 1, s = f / (2 + f), z = s * s, p = 0;
  for (int i = 25; i >= 3; i -= 2) p = p * z + 1.0 / i;
  p *= z;
  double hf = f * f / 2;
  return k * LN2_HI - (hf - (s * (hf + 2 * p) + k * LN2_LO) - f);
}

double strict_tanh(double x) {
  if (x != x) return x;
  double a = fabs(x);
  if (a < 0.35) {
    double z = x * x, d = 19;
    for (int i = 17; i >= 1; i -= 2) d = i + z / d;
    return x / d;
  }
  double t = 1 - 2 / (strict_exp(2 * a) + 1);
  return x < 0 ? -t : t;
}

double strict_sigmoid(double x) { return 1 / (1 + strict_exp(-x)); }

double strict_softplus(double x) {
  double e = strict_exp(-fabs(x));
  double l = e < 1e-4 ? e * (1 - e * (0.5 - e * (1.0 / 3 - e / 4))) : strict_log(1 + e);
  return (x > 0 ? x : 0) + l;
}

double strict_erf(double x) {
  if (x != x) return x;
  double a = fabs(x), z = a * a, result;
  if (a >= 6) return x < 0 ? -1 : 1;
  if (a < 3) {
    double sum = 0;
    for (int n = 60; n >= 1; n--) sum = (1 + sum) * (2 * z / (2 * n + 1));
    result = 1.1283791670955126 * strict_exp(-z) * a * (1 + sum);
  } else {
    double d = a;
    for (int n = 60; n >= 1; n--) d = a + n / 2.0 / d;
    result = 1 - strict_exp(-z) / d / 1.7724538509055159;
  }
  return x < 0 ? -result : x == 0 ? x : result;
}

double strict_pow(double x, double y) {
  if (y == 0) return 1;
  if (x != x || y != y) return nan_value();
  if (y == 1) return x;
  if (y == 2) return x * x;
  if (y == 0.5 && x >= 0) return sqrt(x);
  int whole = floor(y) == y, odd = whole && fabs(y) < 9007199254740992.0 && floor(y / 2) * 2 != y;
  if (x < 0 && !whole) return nan_value();
  double a = fabs(x);
  if (a == 1) return odd && x < 0 ? -1 : 1;
  double magnitude = strict_exp(y * strict_log(a));
  return odd && negative(x) ? -magnitude : magnitude;
}

double strict_max(double a, double b) {
  if (a != a || b != b) return nan_value();
  if (a == b) return negative(a) ? b : a;
  return a > b ? a : b;
}
double strict_min(double a, double b) {
  if (a != a || b != b) return nan_value();
  if (a == b) return negative(a) ? a : b;
  return a < b ? a : b;
}

double strict_round(double x) {
  double f = floor(x), d = x - f;
  return d < 0.5 ? f : d > 0.5 ? f + 1 : floor(f / 2) * 2 == f ? f : f + 1;
}

void sum_add(Sum *sum, float term) {
  float *lane = &sum->lanes[sum->count++ % 16];
  *lane = *lane + term;
}
float sum_finish(Sum *sum) {
  for (size_t h = 8; h >= 1; h /= 2)
    for (size_t l = 0; l < h; l++) sum->lanes[l] = sum->lanes[l] + sum->lanes[l + h];
  return sum->lanes[0];
}
