/* A small backend in C11 that speaks the conformance protocol of cortexc (docs/conformance-protocol.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "float_ops.h"

typedef struct {
  const char *name;
  int bytes, is_signed;
} DType;
static const DType DTYPES[] = {{"i8", 1, 1}, {"i6", 1, 1}, {"u8", 1, 0}, {"bool", 1, 0}, {"i16", 2, 1}, {"i32", 4, 1}, {"f32", 4, 1}};

static const DType *dtype_of(const char *name) {
  for (size_t i = 0; i < sizeof(DTYPES) / sizeof(DTYPES[0]); i++)
    if (strcmp(DTYPES[i].name, name) == 0) return &DTYPES[i];
  return NULL;
}

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The bytes of a base64 text; the caller has room for them. */
static size_t decode(const char *text, uint8_t *bytes) {
  uint32_t group = 0;
  size_t bits = 0, count = 0;
  for (; *text != 0 && *text != '='; text++) {
    const char *place = strchr(ALPHABET, *text);
    group = group << 6 | (uint32_t)(place == NULL ? 0 : place - ALPHABET);
    bits += 6;
    if (bits >= 8) bytes[count++] = (uint8_t)(group >> (bits -= 8));
  }
  return count;
}

static void print_base64(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i += 3) {
    uint32_t group = (uint32_t)bytes[i] << 16 | (i + 1 < count ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < count ? bytes[i + 2] : 0);
    putchar(ALPHABET[group >> 18]);
    putchar(ALPHABET[group >> 12 & 63]);
    putchar(i + 1 < count ? ALPHABET[group >> 6 & 63] : '=');
    putchar(i + 2 < count ? ALPHABET[group & 63] : '=');
  }
}

/* Type of an operand or result; 0 when this backend has no such tensors. */
static int read_type(const Json *json, Tensor *t) {
  const Json *dtype = json_member(json, "dtype"), *shape = json_member(json, "shape");
  if (dtype == NULL || dtype->text == NULL || dtype_of(dtype->text) == NULL || shape == NULL || shape->count > MAX_RANK) return 0;
  strcpy(t->dtype, dtype_of(dtype->text)->name);
  t->rank = shape->count;
  t->count = 1;
  size_t i = 0;
  for (const Json *d = shape->first; d != NULL; d = d->next) t->count *= t->shape[i++] = (size_t)d->number;
  return 1;
}

static int read_tensor(const Json *json, Tensor *t, Arena *arena) {
  const Json *data = json_member(json, "data");
  if (!read_type(json, t) || data == NULL || data->text == NULL) return 0;
  const DType *dtype = dtype_of(t->dtype);
  uint8_t *bytes = arena_take(arena, strlen(data->text) + 4);
  if (decode(data->text, bytes) != t->count * (size_t)dtype->bytes) return 0;
  t->data = arena_take(arena, (t->count + 1) * sizeof(int32_t));
  for (size_t i = 0; i < t->count; i++) {
    uint32_t v = 0;
    for (int b = 0; b < dtype->bytes; b++) v |= (uint32_t)bytes[i * (size_t)dtype->bytes + (size_t)b] << 8 * b;
    if (dtype->bytes == 1) t->data[i] = dtype->is_signed ? (int8_t)v : (int32_t)v;
    else t->data[i] = dtype->bytes == 2 ? (int16_t)v : (int32_t)v;
  }
  return 1;
}

static void print_result(const Tensor *t, Arena *arena) {
  const DType *dtype = dtype_of(t->dtype);
  uint8_t *bytes = arena_take(arena, t->count * 4 + 4);
  for (size_t i = 0; i < t->count; i++)
    for (int b = 0; b < dtype->bytes; b++) bytes[i * (size_t)dtype->bytes + (size_t)b] = (uint8_t)((uint32_t)t->data[i] >> 8 * b);
  print_base64(bytes, t->count * (size_t)dtype->bytes);
}

/* Ops that carry elements as they are. */
static int moves(const char *op) { return strcmp(op, "concat") == 0 || strcmp(op, "reshape") == 0 || strcmp(op, "transpose") == 0; }

/* Computes the case into c->y; the reason of the refusal, or NULL. */
static const char *compute(const Json *request, Case *c, Arena *arena) {
  const Json *op = json_member(request, "op"), *operands = json_member(request, "operands"), *results = json_member(request, "results");
  if (op == NULL || op->text == NULL || operands == NULL || results == NULL) return "not a case";
  c->attrs = json_member(request, "attrs");
  for (size_t i = 0; i < OP_COUNT; i++) {
    if (strcmp(OPS[i].name, op->text) != 0) continue;
    if (operands->count > MAX_OPERANDS) return "too many operands";
    for (const Json *x = operands->first; x != NULL; x = x->next)
      if (!read_tensor(x, &c->x[c->operands++], arena)) return "a dtype that this backend does not have";
    if (results->count != 1 || !read_type(results->first, &c->y)) return "a result that this backend does not have";
    c->y.data = arena_take(arena, (c->y.count + 1) * sizeof(int32_t));
    if (strcmp(c->x[0].dtype, "f32") == 0 && !moves(op->text)) return float_op(c, op->text);
    return OPS[i].run == NULL ? "only f32" : OPS[i].run(c);
  }
  return "no such op here";
}

static void answer(const char *line) {
  Arena *arena;
  Json *request = json_read(line, &arena);
  const Json *id = json_member(request, "id");
  Case c = {0};
  const char *refused = compute(request, &c, arena);
  /* ids hold no character that JSON escapes */
  printf("{\"id\":\"%s\",", id == NULL || id->text == NULL ? "" : id->text);
  if (refused != NULL) {
    printf("\"refused\":\"%s\"}\n", refused);
  } else {
    printf("\"results\":[\"");
    print_result(&c.y, arena);
    printf("\"]}\n");
  }
  fflush(stdout);
  arena_free(arena);
}

/* A line of any length without its end, NULL at the end of the input. The caller frees it. */
static char *read_line(void) {
  size_t size = 4096, used = 0;
  char *line = malloc(size);
  if (line == NULL) abort();
  while (fgets(line + used, (int)(size - used), stdin) != NULL) {
    used += strlen(line + used);
    if (used > 0 && line[used - 1] == '\n') {
      line[used - 1] = 0;
      return line;
    }
    if (size - used < 2) {
      line = realloc(line, size *= 2);
      if (line == NULL) abort();
    }
  }
  free(line);
  return NULL;
}

int main(void) {
  free(read_line()); /* the greeting */
  printf("{\"protocol\":\"cortexc-conformance\",\"version\":1,\"name\":\"C example\",\"ops\":[");
  for (size_t i = 0; i < OP_COUNT; i++) printf("%s\"%s\"", i == 0 ? "" : ",", OPS[i].name);
  printf("]}\n");
  fflush(stdout);
  for (char *line; (line = read_line()) != NULL; free(line)) answer(line);
  return 0;
}
