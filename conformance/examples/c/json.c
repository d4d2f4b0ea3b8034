#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block {
  struct Block *next;
  size_t used, size;
} Block;

struct Arena {
  Block *blocks;
};

void *arena_take(Arena *arena, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  if (arena->blocks == NULL || arena->blocks->size - arena->blocks->used < bytes) {
    size_t size = bytes > 65536 ? bytes : 65536;
    Block *block = malloc(sizeof(Block) + 16 + size);
    if (block == NULL) abort();
    block->next = arena->blocks;
    block->used = 0;
    block->size = size;
    arena->blocks = block;
  }
  char *start = (char *)(arena->blocks + 1);
  void *place = start + arena->blocks->used;
  arena->blocks->used += bytes;
  return place;
}

void arena_free(Arena *arena) {
  if (arena == NULL) return;
  for (Block *block = arena->blocks; block != NULL;) {
    Block *next = block->next;
    free(block);
    block = next;
  }
  free(arena);
}

typedef struct {
  const char *at;
  Arena *arena;
} Reader;

static Json *read_value(Reader *r);

static void skip(Reader *r) {
  while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r') r->at++;
}

static Json *node(Reader *r, JsonKind kind) {
  Json *json = arena_take(r->arena, sizeof(Json));
  memset(json, 0, sizeof(Json));
  json->kind = kind;
  return json;
}

/* Escapes keep their letter but \n and \t; that is enough for ids, which have none. */
static char *read_string(Reader *r) {
  if (*r->at != '"') return NULL;
  const char *start = ++r->at;
  size_t length = 0;
  while (*r->at != '"') {
    if (*r->at == 0) return NULL;
    if (*r->at == '\\' && r->at[1] != 0) r->at++;
    r->at++;
    length++;
  }
  char *text = arena_take(r->arena, length + 1);
  size_t i = 0;
  for (const char *p = start; p < r->at; p++) {
    if (*p == '\\') {
      p++;
      text[i++] = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
    } else {
      text[i++] = *p;
    }
  }
  text[i] = 0;
  r->at++;
  return text;
}

/* The children of an array or object, after its opening bracket. */
static Json *read_children(Reader *r, Json *parent, char close) {
  Json **last = &parent->first;
  skip(r);
  if (*r->at == close) {
    r->at++;
    return parent;
  }
  for (;;) {
    char *name = NULL;
    skip(r);
    if (parent->kind == JSON_OBJECT) {
      if ((name = read_string(r)) == NULL) return NULL;
      skip(r);
      if (*r->at++ != ':') return NULL;
    }
    Json *child = read_value(r);
    if (child == NULL) return NULL;
    child->name = name;
    *last = child;
    last = &child->next;
    parent->count++;
    skip(r);
    char c = *r->at++;
    if (c == close) return parent;
    if (c != ',') return NULL;
  }
}

static Json *read_word(Reader *r, const char *word, JsonKind kind, double number) {
  size_t length = strlen(word);
  if (strncmp(r->at, word, length) != 0) return NULL;
  r->at += length;
  Json *json = node(r, kind);
  json->number = number;
  return json;
}

static Json *read_value(Reader *r) {
  skip(r);
  switch (*r->at) {
    case '{':
      r->at++;
      return read_children(r, node(r, JSON_OBJECT), '}');
    case '[':
      r->at++;
      return read_children(r, node(r, JSON_ARRAY), ']');
    case '"': {
      Json *json = node(r, JSON_STRING);
      json->text = read_string(r);
      return json->text == NULL ? NULL : json;
    }
    case 't':
      return read_word(r, "true", JSON_BOOL, 1);
    case 'f':
      return read_word(r, "false", JSON_BOOL, 0);
    case 'n':
      return read_word(r, "null", JSON_NULL, 0);
    default: {
      if (*r->at != '-' && !isdigit((unsigned char)*r->at)) return NULL;
      char *end;
      Json *json = node(r, JSON_NUMBER);
      json->number = strtod(r->at, &end);
      r->at = end;
      return json;
    }
  }
}

Json *json_read(const char *text, Arena **arena) {
  *arena = calloc(1, sizeof(Arena));
  if (*arena == NULL) abort();
  Reader reader = {text, *arena};
  Json *json = read_value(&reader);
  skip(&reader);
  return json != NULL && *reader.at == 0 ? json : NULL;
}

const Json *json_member(const Json *object, const char *name) {
  if (object == NULL || object->kind != JSON_OBJECT) return NULL;
  for (const Json *child = object->first; child != NULL; child = child->next)
    if (strcmp(child->name, name) == 0) return child;
  return NULL;
}

double json_number_at(const Json *array, size_t index) {
  const Json *child = array == NULL ? NULL : array->first;
  while (child != NULL && index-- > 0) child = child->next;
  return child == NULL ? 0 : child->number;
}
