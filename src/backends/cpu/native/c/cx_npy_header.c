/*
 * Reader of the dictionary in a .npy header: a Python literal like
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }
 */
#include "cx_npy_header.h"

#include <string.h>

#define MOST (UINT64_C(1) << 62)

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
        c->at++;
}

static int skip(cursor *c, char mark)
{
    skip_space(c);
    if (c->at == c->end || *c->at != mark)
        return 0;
    c->at++;
    return 1;
}

static int take_string(cursor *c, char *to, size_t room)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return 0;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote && *c->at != '\\') {
        if (n + 1 < room)
            to[n++] = *c->at;
        c->at++;
    }
    to[n] = '\0';
    if (c->at == c->end || *c->at != quote)
        return 0;
    c->at++;
    return 1;
}

static int take_word(cursor *c, const char *word)
{
    skip_space(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return 0;
    c->at += n;
    return 1;
}

static int take_integer(cursor *c, uint64_t *value)
{
    skip_space(c);
    const char *start = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        *value = *value >= MOST / 10 ? MOST : *value * 10 + (uint64_t)(*c->at - '0');
    if (c->at == start)
        return 0;
    /* Python 2 wrote long integers with an L */
    if (c->at < c->end && (*c->at == 'L' || *c->at == 'l'))
        c->at++;
    return 1;
}

/* (), (3,), (3, 4), (3, 4,); (3) is an integer in Python and no shape. */
static int take_shape(cursor *c, cx_npy_header *header)
{
    if (!skip(c, '('))
        return 0;
    header->rank = 0;
    for (;;) {
        if (skip(c, ')'))
            return 1;
        uint64_t size;
        if (header->rank == CX_NPY_MAX_RANK || !take_integer(c, &size))
            return 0;
        header->shape[header->rank++] = size;
        if (skip(c, ','))
            continue;
        return header->rank > 1 && skip(c, ')');
    }
}

static int take_value(cursor *c, int key, cx_npy_header *header)
{
    if (key == 0)
        return take_string(c, header->descr, sizeof header->descr);
    if (key == 2)
        return take_shape(c, header);
    if (take_word(c, "True")) {
        header->fortran_order = 1;
        return 1;
    }
    header->fortran_order = 0;
    return take_word(c, "False");
}

const char *cx_npy_parse(const char *text, size_t length, cx_npy_header *header)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    int seen[3] = {0, 0, 0};
    cursor c = {text, text + length};
    if (!skip(&c, '{'))
        return "does not start with \"{\"";
    while (!skip(&c, '}')) {
        char name[32];
        int key = 0;
        if (!take_string(&c, name, sizeof name) || !skip(&c, ':'))
            return "is not a Python dictionary";
        while (key < 3 && strcmp(name, keys[key]) != 0)
            key++;
        if (key == 3)
            return "has a key other than 'descr', 'fortran_order' and 'shape'";
        if (seen[key]++)
            return "has a key twice";
        if (!take_value(&c, key, header))
            return key == 0   ? "has no text under 'descr'"
                   : key == 1 ? "has neither True nor False under 'fortran_order'"
                              : "has no tuple of sizes under 'shape'";
        if (!skip(&c, ',')) {
            if (skip(&c, '}'))
                break;
            return "is not a Python dictionary";
        }
    }
    skip_space(&c);
    if (c.at != c.end)
        return "has text after its dictionary";
    if (!seen[0] || !seen[1] || !seen[2])
        return "lacks one of the keys 'descr', 'fortran_order' and 'shape'";
    return NULL;
}
