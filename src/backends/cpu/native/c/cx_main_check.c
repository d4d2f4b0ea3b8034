/*
 * Compares runs with test vectors.
 */
#include "cx_main_check.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cx_main_options.h"
#include "cx_npy_folder.h"

static int read_port(const char *folder, const char *vector, const char *kind, uint32_t index, const cx_port *port, void *to)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s%" PRIu32 ".npy", folder, vector, kind, index);
    return cx_npy_load(path, port, to);
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

/* What a vector is compared in. */
typedef struct checked {
    cx_instance *instance;
    const char *folder;
} checked;

static int check_vector(void *context, const char *vector)
{
    cx_instance *instance = ((const checked *)context)->instance;
    const char *folder = ((const checked *)context)->folder;
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
    cx_vector_counts counts;
    checked context = {instance, folder};
    if (cx_each_vector(folder, check_vector, &context, INT_MAX, &counts))
        return CX_EXIT_INPUT;
    printf("%u of %u vectors give the expected bytes (%s, %u threads)\n", counts.same, counts.all, cx_level_of(instance),
           (unsigned)cx_threads_of(instance));
    return counts.worst;
}
