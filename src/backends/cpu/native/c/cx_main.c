/*
 * The runner of a compiled model: .npy files in and out, the check against test vectors, times.
 */
#if !defined(_POSIX_C_SOURCE) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cx_main_check.h"
#include "cx_main_options.h"
#include "cx_npy_folder.h"
#include "cx_runtime.h"

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int open_program(const cx_options *o, cx_instance **instance)
{
    char message[4096];
    cx_status status = cx_open(o->parameters, o->isa, o->threads, instance, message, sizeof message);
    if (status == CX_OK)
        return CX_EXIT_OK;
    fprintf(stderr, "error: %s\n", message);
    switch (status) {
    case CX_BAD_LEVEL:
        return CX_EXIT_UNSUPPORTED;
    case CX_PARAMETERS_UNREADABLE:
    case CX_PARAMETERS_SIZE:
        fprintf(stderr, "remedy: start the runner in its folder, or name the file with --params\n");
        return CX_EXIT_INPUT;
    case CX_NO_MEMORY:
    case CX_NO_THREADS:
        return CX_EXIT_RESOURCE;
    default:
        return CX_EXIT_INTERNAL;
    }
}

static void list(const cx_instance *instance)
{
    const cx_program *p = cx_program_of(instance);
    cx_list_ports("input", p->inputs, p->input_count);
    cx_list_ports("output", p->outputs, p->output_count);
    for (const cx_level *level = cx_levels; level->name != NULL; level++)
        printf("instruction set %s: %s\n", level->name,
               level->program == p                  ? "in use"
               : cx_processor_has(level->needs) ? "runs here"
                                                    : "not on this processor");
}

/* A run may write over its inputs, so every run gets them anew. */
static int load_inputs(cx_instance *instance, const cx_options *o)
{
    const cx_program *p = cx_program_of(instance);
    int failed = 0;
    if (o->file_count != p->input_count) {
        fprintf(stderr, "error: the model has %u inputs, but %u files are named\nremedy: --list shows the inputs\n", (unsigned)p->input_count,
                (unsigned)o->file_count);
        return CX_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < p->input_count; i++)
        failed |= cx_npy_load(o->files[i], &p->inputs[i], cx_input(instance, i));
    return failed ? CX_EXIT_INPUT : CX_EXIT_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t macs_of(const cx_program *p)
{
    uint64_t macs = 0;
    for (uint32_t i = 0; i < p->step_count; i++)
        macs += p->steps[i].macs;
    return macs;
}

static int run_repeatedly(cx_instance *instance, const cx_options *o)
{
    double *times = calloc(o->repeat, sizeof *times);
    if (times == NULL)
        return CX_EXIT_RESOURCE;
    for (uint32_t i = 0; i < o->repeat; i++) {
        int code = load_inputs(instance, o);
        if (code != CX_EXIT_OK) {
            free(times);
            return code;
        }
        double start = milliseconds();
        cx_run(instance);
        times[i] = milliseconds() - start;
    }
    qsort(times, o->repeat, sizeof *times, by_size);
    double median = times[o->repeat / 2];
    fprintf(stderr, "%s, %u threads: median %.3f ms, least %.3f ms of %u runs, %.1f GMAC/s\n", cx_level_of(instance),
            (unsigned)cx_threads_of(instance), median, times[0], (unsigned)o->repeat,
            median > 0 ? (double)macs_of(cx_program_of(instance)) / median / 1e6 : 0.0);
    free(times);
    return CX_EXIT_OK;
}

static int profile(cx_instance *instance)
{
    const cx_program *p = cx_program_of(instance);
    uint64_t *ns = calloc((size_t)p->step_count + 1, sizeof *ns);
    if (ns == NULL)
        return CX_EXIT_RESOURCE;
    cx_profile(instance, ns, p->step_count);
    uint64_t total = 0;
    for (uint32_t i = 0; i < p->step_count; i++)
        total += ns[i];
    printf("%10s %6s %8s  %-20s %s\n", "ms", "%", "GMAC/s", "op", "place");
    for (uint32_t i = 0; i < p->step_count; i++) {
        const cx_step *s = &p->steps[i];
        printf("%10.4f %6.2f %8.1f  %-20s %s\n", (double)ns[i] / 1e6, total > 0 ? 100.0 * (double)ns[i] / (double)total : 0.0,
               ns[i] > 0 ? (double)s->macs / (double)ns[i] : 0.0, s->op, s->place);
    }
    printf("%10.4f %6.2f %8.1f\n", (double)total / 1e6, 100.0, total > 0 ? (double)macs_of(p) / (double)total : 0.0);
    free(ns);
    return CX_EXIT_OK;
}

static int write_outputs(cx_instance *instance, const char *folder)
{
    const cx_program *p = cx_program_of(instance);
    char path[4096], message[2048];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "error: the folder %s cannot be made: %s\n", folder, strerror(errno));
        return CX_EXIT_INPUT;
    }
    for (uint32_t i = 0; i < p->output_count; i++) {
        const cx_port *port = &p->outputs[i];
        void *data = malloc((size_t)port->bytes + 1);
        if (data == NULL)
            return CX_EXIT_RESOURCE;
        cx_read_output(instance, i, data, port->bytes);
        cx_output_path(folder, port, i, path, sizeof path);
        int failed = cx_npy_write(path, port, data, message, sizeof message);
        free(data);
        if (failed) {
            fprintf(stderr, "error: %s: %s\n", path, message);
            return CX_EXIT_INPUT;
        }
        printf("%s\n", path);
    }
    return CX_EXIT_OK;
}

static int run_files(cx_instance *instance, const cx_options *o)
{
    if (o->out == NULL && o->repeat == 0 && !o->profile) {
        fprintf(stderr, "error: nothing is asked for\nremedy: name a folder for the outputs with -o, or --repeat, --profile or --check\n");
        return CX_EXIT_USAGE;
    }
    int code = o->repeat > 0 ? run_repeatedly(instance, o) : CX_EXIT_OK;
    if (code == CX_EXIT_OK && o->profile) {
        code = load_inputs(instance, o);
        if (code == CX_EXIT_OK)
            code = profile(instance);
    }
    if (code != CX_EXIT_OK || o->out == NULL)
        return code;
    code = load_inputs(instance, o);
    if (code != CX_EXIT_OK)
        return code;
    cx_run(instance);
    return write_outputs(instance, o->out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? argv[0] : "run";
    cx_options options;
    cx_instance *instance;
    int code = cx_options_read(argc, argv, &options);
    if (code != CX_EXIT_OK)
        return code;
    if (options.help) {
        cx_usage(name);
        return CX_EXIT_OK;
    }
    code = open_program(&options, &instance);
    if (code != CX_EXIT_OK)
        return code;
    if (options.list)
        list(instance);
    else
        code = options.check ? cx_check(instance, options.vectors) : run_files(instance, &options);
    cx_close(instance);
    /* a full disk or a closed pipe behind stdout is told as late as now */
    if (fflush(stdout) != 0 && code == CX_EXIT_OK)
        code = CX_EXIT_INPUT;
    return code;
}
