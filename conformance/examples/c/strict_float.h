/* Strict float32 functions: fixed sequences of float64 + - * / and bit operations, rounded to float32 by the caller. */
#ifndef STRICT_FLOAT_H
#define STRICT_FLOAT_H
#include <stddef.h>

double strict_exp(double x);
double strict_log(double x);
double strict_tanh(double x);
double strict_sigmoid(double x);
double strict_softplus(double x);
double strict_erf(double x);
double strict_pow(double x, double y);

/* NaN wins, -0 < +0. */
double strict_max(double a, double b);
double strict_min(double a, double b);
/* Nearest integer, ties to even. */
double strict_round(double x);

/* Sums in 16 strided lanes, then a tree of halves. */
typedef struct {
  float lanes[16];
  size_t count;
} Sum;
void sum_add(Sum *sum, float term);
float sum_finish(Sum *sum);
#endif
