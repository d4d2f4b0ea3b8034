/* A small JSON reader: one text to a tree in one arena, which is freed as a whole. */
#ifndef JSON_H
#define JSON_H
#include <stddef.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

typedef struct Json {
  JsonKind kind;
  double number;     /* also 0 and 1 of a bool */
  char *text;        /* of a string, 0 at the end */
  char *name;        /* of a member of an object */
  struct Json *next; /* sibling */
  struct Json *first;
  size_t count; /* of children */
} Json;

typedef struct Arena Arena;

/* The tree of a text, or NULL when it is not JSON. */
Json *json_read(const char *text, Arena **arena);
void arena_free(Arena *arena);
void *arena_take(Arena *arena, size_t bytes);

/* A member of an object, NULL when there is none. */
const Json *json_member(const Json *object, const char *name);
/* An element of an array of numbers. */
double json_number_at(const Json *array, size_t index);
#endif
