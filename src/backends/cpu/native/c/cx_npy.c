/*
 * Reads and writes .npy files. See cx_npy.h.
 */
#include "cx_npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cx_npy_header.h"

/* No array has a longer header; NumPy itself reads no more than 10,000 bytes by default. */
#define MAX_HEADER 65536u
#define PREFIX 10u

typedef struct element {
    const char *name;
    /** Type characters of NumPy without byte order. */
    const char *code;
    uint32_t bytes;
} element;

static const element elements[] = {
    {"i8", "i1", 1}, {"i16", "i2", 2}, {"i32", "i4", 4}, {"u8", "u1", 1}, {"bool", "b1", 1}, {"f32", "f4", 4}, {"i6", "i1", 1},
};

static void shape_text(char *to, size_t bytes, const uint64_t *shape, uint32_t rank)
{
    size_t used = 0;
    used += (size_t)snprintf(to, bytes, "(");
    for (uint32_t i = 0; i < rank && used < bytes; i++)
        used += (size_t)snprintf(to + used, bytes - used, "%s%" PRIu64, i > 0 ? ", " : "", shape[i]);
    if (used < bytes)
        snprintf(to + used, bytes - used, rank == 1 ? ",)" : ")");
}

static void port_shape_text(const cx_port *port, char *to, size_t bytes)
{
    uint64_t shape[CX_MAX_RANK];
    for (uint32_t i = 0; i < port->rank; i++)
        shape[i] = port->shape[i];
    shape_text(to, bytes, shape, port->rank);
}

void cx_port_text(const cx_port *port, char *to, size_t bytes)
{
    char shape[256];
    port_shape_text(port, shape, sizeof shape);
    snprintf(to, bytes, "%s of shape %s", elements[port->dtype].name, shape);
}

static int same_shape(const cx_npy_header *header, const cx_port *port)
{
    if (header->rank != port->rank)
        return 0;
    for (uint32_t i = 0; i < port->rank; i++)
        if (header->shape[i] != port->shape[i])
            return 0;
    return 1;
}

/* One byte has no order, so any mark will do. */
static int same_type(const char *descr, const cx_port *port)
{
    const element *e = &elements[port->dtype];
    if (strcmp(descr, e->code) == 0)
        return 1;
    return strchr(e->bytes == 1 ? "|<>=" : "<=", descr[0]) != NULL && descr[0] != '\0' && strcmp(descr + 1, e->code) == 0;
}

/* Values that the type of the port does not have. */
static int check_values(const cx_port *port, const uint8_t *data, char *message, size_t bytes)
{
    for (uint64_t i = 0; i < port->bytes; i++) {
        int value = port->dtype == CX_I6 ? (int)(int8_t)data[i] : (int)data[i];
        if (port->dtype == CX_BOOL ? value > 1 : value < -31 || value > 31) {
            snprintf(message, bytes, "element %" PRIu64 " is %d, but %s", i, value,
                     port->dtype == CX_BOOL ? "a truth value is 0 or 1" : "i6 holds -31 to 31");
            return 1;
        }
    }
    return 0;
}

static int check_header(const cx_npy_header *header, const cx_port *port, char *message, size_t bytes)
{
    char found[512], wanted[512];
    cx_port_text(port, wanted, sizeof wanted);
    shape_text(found, sizeof found, header->shape, header->rank);
    if (!same_type(header->descr, port) || !same_shape(header, port)) {
        snprintf(message, bytes, "it holds '%s' of shape %s, but %s is %s ('%s')", header->descr, found, port->name, wanted,
                 elements[port->dtype].code);
        return 1;
    }
    if (header->fortran_order && port->rank > 1) {
        snprintf(message, bytes, "its elements are in Fortran order; save numpy.ascontiguousarray(array)");
        return 1;
    }
    return 0;
}

static int read_header(FILE *file, cx_npy_header *header, char *message, size_t bytes)
{
    uint8_t prefix[12];
    if (fread(prefix, 1, PREFIX, file) != PREFIX || memcmp(prefix, "\x93NUMPY", 6) != 0) {
        snprintf(message, bytes, "it is not a .npy file: those start with the bytes 93 4E 55 4D 50 59");
        return 1;
    }
    uint32_t version = prefix[6], length = (uint32_t)prefix[8] | (uint32_t)prefix[9] << 8;
    if (version < 1 || version > 3) {
        snprintf(message, bytes, "it has version %u of the .npy format; 1 to 3 are read", (unsigned)version);
        return 1;
    }
    if (version > 1) {
        if (fread(prefix + PREFIX, 1, 2, file) != 2)
            length = 0;
        else
            length |= (uint32_t)prefix[10] << 16 | (uint32_t)prefix[11] << 24;
    }
    if (length > MAX_HEADER) {
        snprintf(message, bytes, "its header claims %u bytes, no array needs more than %u", (unsigned)length, MAX_HEADER);
        return 1;
    }
    char *text = malloc((size_t)length + 1);
    const char *problem = text == NULL                                  ? "does not fit into memory"
                          : fread(text, 1, length, file) != length      ? "is cut off"
                                                                        : cx_npy_parse(text, length, header);
    free(text);
    if (problem != NULL)
        snprintf(message, bytes, "the header %s", problem);
    return problem != NULL;
}

static int read_open(FILE *file, const cx_port *port, void *to, char *message, size_t bytes)
{
    cx_npy_header header;
    memset(&header, 0, sizeof header);
    if (read_header(file, &header, message, bytes) || check_header(&header, port, message, bytes))
        return 1;
    size_t got = fread(to, 1, (size_t)port->bytes, file);
    if (got != port->bytes) {
        snprintf(message, bytes, "it ends after %zu of %" PRIu64 " bytes of elements", got, port->bytes);
        return 1;
    }
    if (fgetc(file) != EOF) {
        snprintf(message, bytes, "it has bytes after its array");
        return 1;
    }
    return port->dtype == CX_BOOL || port->dtype == CX_I6 ? check_values(port, to, message, bytes) : 0;
}

int cx_npy_read(const char *path, const cx_port *port, void *to, char *message, size_t message_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(message, message_bytes, "it cannot be opened: %s", strerror(errno));
        return 1;
    }
    int failed = read_open(file, port, to, message, message_bytes);
    fclose(file);
    return failed;
}

/* NumPy leaves room for the first size to grow to 20 digits and a sign, and fills up to a multiple of 64 bytes. */
static size_t format_header(const cx_port *port, char *to, size_t room)
{
    char shape[256], first[24];
    const element *e = &elements[port->dtype];
    port_shape_text(port, shape, sizeof shape);
    size_t growth = 0;
    if (port->rank > 0)
        growth = 21 - (size_t)snprintf(first, sizeof first, "%" PRIu32, port->shape[0]);
    size_t n = (size_t)snprintf(to, room, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }%*s", e->bytes == 1 ? '|' : '<', e->code,
                                shape, (int)growth, "");
    while ((PREFIX + n + 1) % 64 != 0)
        to[n++] = ' ';
    to[n++] = '\n';
    return n;
}

int cx_npy_write(const char *path, const cx_port *port, const void *from, char *message, size_t message_bytes)
{
    char header[1024];
    size_t length = format_header(port, header, sizeof header - 80);
    uint8_t prefix[PREFIX] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(length & 255), (uint8_t)(length >> 8)};
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        snprintf(message, message_bytes, "it cannot be written: %s", strerror(errno));
        return 1;
    }
    int good = fwrite(prefix, 1, PREFIX, file) == PREFIX && fwrite(header, 1, length, file) == length &&
               fwrite(from, 1, (size_t)port->bytes, file) == port->bytes;
    if (fclose(file) != 0 || !good) {
        snprintf(message, message_bytes, "it cannot be written: %s", strerror(errno));
        return 1;
    }
    return 0;
}
