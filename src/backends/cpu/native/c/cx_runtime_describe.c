/*
 * The facts of an opened program as text.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cx_runtime.h"

typedef struct text {
    char *to;
    size_t room;
    size_t length;
} text;

static void add(text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = t->length < t->room ? t->room - t->length : 0;
    int n = vsnprintf(room > 0 ? t->to + t->length : NULL, room, format, arguments);
    va_end(arguments);
    t->length += n > 0 ? (size_t)n : 0;
}

/* Names come from models and may hold anything, line ends too. */
static void add_hex(text *t, const char *name)
{
    add(t, " x");
    for (; *name != '\0'; name++)
        add(t, "%02x", (unsigned)(unsigned char)*name);
}

static void add_port(text *t, const char *kind, const cx_port *port)
{
    static const char *const dtypes[] = {"i8", "i16", "i32", "u8", "bool", "f32", "i6"};
    add(t, "%s", kind);
    add_hex(t, port->name);
    add(t, " %s %" PRIu64 " %" PRIu32, dtypes[port->dtype], port->bytes, port->passes);
    for (uint32_t i = 0; i < port->rank; i++)
        add(t, " %" PRIu32, port->shape[i]);
    add(t, "\n");
}

size_t cx_describe(const cx_instance *instance, char *to, size_t bytes)
{
    text t = {to, bytes, 0};
    const cx_program *p = cx_program_of(instance);
    add(&t, "format %u\nlevel %s\nthreads %u\nmemory %" PRIu64 "\nparameters %" PRIu64 "\n", (unsigned)p->format, cx_level_of(instance),
        (unsigned)cx_threads_of(instance), p->memory_bytes, p->parameter_bytes);
    for (uint32_t i = 0; i < p->input_count; i++)
        add_port(&t, "input", &p->inputs[i]);
    for (uint32_t i = 0; i < p->output_count; i++)
        add_port(&t, "output", &p->outputs[i]);
    for (uint32_t i = 0; i < p->step_count; i++) {
        const cx_step *s = &p->steps[i];
        add(&t, "step %u %" PRIu64, (unsigned)(s->parallel != 0), s->macs);
        add_hex(&t, s->op);
        add_hex(&t, s->place);
        add(&t, "\n");
    }
    return t.length + 1;
}
