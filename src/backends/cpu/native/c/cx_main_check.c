/*
 * Compares runs with test vectors.
 */
#include "cx_main_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cx_main_options.h"
#include "cx_npy.h"

void cx_output_path(const char *folder, const cx_port *port, uint32_t index, char *to, size_t bytes)
{
    char name[128];
    size_t n = 0;
    for (const char *c = port->name; *c != '\0' && n + 1 < sizeof name; c++) {
        int fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' ||
                   (*c == '.' && n > 0);
        name[n++] = fine ? *c : '_';
    }
    name[n] = '\0';
    if (n == 0)
        snprintf(name, sizeof name, "output%" PRIu32, index);
    snprintf(to, bytes, "%s/%s.npy", folder, name);
}

static int read_port(const char *folder, const char *vector, const char *kind, uint32_t index, const cx_port *port, void *to)
{
    char path[4096], message[2048];
    snprintf(path, sizeof path, "%s/%s/%s%" PRIu32 ".npy", folder, vector, kind, index);
    if (cx_npy_read(path, port, to, message, sizeof message) == 0)
        return 0;
    fprintf(stderr, "error: %s: %s\n", path, message);
    return 1;
}

/* The first byte that differs; the count when none does. */
static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t count)
{
    uint64_t i = 0;
    while (i < count && a[i] == b[i])
        i++;
    return i;
}

/* @returns an exit code; says how a vector differs */
static int check_output(cx_instance *instance, const char *folder, const char *vector, uint32_t index)
{
    const cx_port *port = &cx_program_of(instance)->outputs[index];
    uint8_t *got = malloc((size_t)port->bytes * 2 + 1);
    if (got == NULL)
        return CX_EXIT_RESOURCE;
    uint8_t *expected = got + port->bytes;
    if (read_port(folder, vector, "output", index, port, expected)) {
        free(got);
        return CX_EXIT_INPUT;
    }
    cx_read_output(instance, index, got, port->bytes);
    uint64_t at = first_difference(got, expected, port->bytes);
    int differs = at < port->bytes;
    if (differs)
        fprintf(stderr, "mismatch: vector %s, output %s: byte %" PRIu64 " of %" PRIu64 " is %u, expected %u\n", vector, port->name, at,
                port->bytes, (unsigned)got[at], (unsigned)expected[at]);
    free(got);
    return differs ? CX_EXIT_MISMATCH : CX_EXIT_OK;
}

static int check_vector(cx_instance *instance, const char *folder, const char *vector)
{
    const cx_program *p = cx_program_of(instance);
    int worst = CX_EXIT_OK;
    for (uint32_t i = 0; i < p->input_count; i++)
        if (read_port(folder, vector, "input", i, &p->inputs[i], cx_input(instance, i)))
            worst = CX_EXIT_INPUT;
    if (worst != CX_EXIT_OK)
        return worst;
    cx_run(instance);
    for (uint32_t i = 0; i < p->output_count; i++) {
        int code = check_output(instance, folder, vector, i);
        worst = code > worst ? code : worst;
    }
    return worst;
}

int cx_check(cx_instance *instance, const char *folder)
{
    char path[4096], line[1024];
    unsigned count = 0, same = 0;
    int worst = CX_EXIT_OK;
    snprintf(path, sizeof path, "%s/list.txt", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "error: %s cannot be opened: %s\nremedy: start the runner in its folder, or name the vectors with --vectors\n", path,
                strerror(errno));
        return CX_EXIT_INPUT;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0')
            continue;
        int code = check_vector(instance, folder, line);
        count++;
        same += code == CX_EXIT_OK;
        worst = code > worst ? code : worst;
    }
    fclose(file);
    printf("%u of %u vectors give the expected bytes (%s, %u threads)\n", same, count, cx_level_of(instance),
           (unsigned)cx_threads_of(instance));
    if (count == 0) {
        fprintf(stderr, "error: %s names no vector\n", path);
        return CX_EXIT_INPUT;
    }
    return worst;
}
