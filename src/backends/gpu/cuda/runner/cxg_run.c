/*
 * Loads and runs a program on a device: one arena, pinned buffers, a recorded graph.
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "cxg_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The compute capability that has wgmma; no other has. */
#define CXG_HOPPER 90

double cxg_milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t aligned(uint64_t n) { return (n + 63) / 64 * 64; }

static uint64_t ports_bytes(const cx_port *ports, uint32_t count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += aligned(ports[i].bytes);
    return total;
}

uint8_t *cxg_input(const cxg_instance *x, uint32_t index) { return x->pinned + ports_bytes(x->program->inputs, index); }

uint8_t *cxg_output(const cxg_instance *x, uint32_t index)
{
    const cxg_program *p = x->program;
    if (p->outputs[index].passes > 0)
        return cxg_input(x, p->outputs[index].passes - 1);
    return x->pinned + ports_bytes(p->inputs, p->input_count) + ports_bytes(p->outputs, index);
}

/* A whole file, or NULL after a message. */
static uint8_t *read_file(const char *path, uint64_t *bytes)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    uint8_t *data = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc((size_t)size + 1);
    if (data != NULL && fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        data = NULL;
    }
    if (data == NULL)
        fprintf(stderr, "error: %s cannot be read: %s\nremedy: build with make, and start the runner in its folder\n", path, strerror(errno));
    if (file != NULL)
        fclose(file);
    *bytes = size > 0 ? (uint64_t)size : 0;
    return data;
}

static int load_modules(cxg_instance *x, const char *suffix)
{
    const cxg_program *p = x->program;
    x->modules = calloc(p->module_count + 1, sizeof *x->modules);
    x->functions = calloc(p->start_count + 1, sizeof *x->functions);
    if (x->modules == NULL || x->functions == NULL)
        return fprintf(stderr, "error: too little memory\n"), 1;
    for (uint32_t i = 0; i < p->module_count; i++) {
        char path[4096];
        uint64_t bytes;
        if (p->module_count == 1)
            snprintf(path, sizeof path, "program.%s", suffix);
        else
            snprintf(path, sizeof path, "program_%u.%s", (unsigned)i, suffix);
        uint8_t *image = read_file(path, &bytes);
        if (image == NULL)
            return 1;
        cxg_result got = cxg.module_load(&x->modules[i], image);
        free(image);
        if (got != 0) {
            cxg_driver_failed("module_load", got);
            fprintf(stderr, "remedy: %s has code for other devices; make clean, and make on this machine or with ARCHS=\n", path);
            return 1;
        }
    }
    for (uint32_t i = 0; i < p->start_count; i++) {
        const cxg_start *s = &x->starts[i];
        CXG_TRY(module_function, &x->functions[i], x->modules[s->module], s->kernel);
        /* more than 48 KiB have to be asked for */
        if (s->shared_bytes > 48 * 1024 && cxg.function_set != NULL)
            CXG_TRY(function_set, x->functions[i], CXG_FUNCTION_SHARED, (int)s->shared_bytes);
    }
    return 0;
}

static int start(cxg_instance *x, const cxg_step *step)
{
    for (uint32_t i = step->first; i < step->first + step->count; i++) {
        const cxg_start *s = &x->starts[i];
        void *arguments[] = {&x->env};
        CXG_TRY(launch, x->functions[i], s->grid[0], s->grid[1], s->grid[2], s->block, 1, 1, s->shared_bytes, x->stream, arguments, NULL);
    }
    return 0;
}

/* Runs take a fraction of a millisecond; what takes longer must not keep a core busy. */
#define CXG_SPINS 10000

/* Waits for the stream, but not longer than a run may take. */
static int wait_for_stream(cxg_instance *x)
{
    static const struct timespec pause = {0, 200 * 1000};
    const double deadline = cxg_milliseconds() + 1e3 * x->time_limit;
    for (uint32_t rounds = 0;; rounds++) {
        const cxg_result got = cxg.stream_query(x->stream);
        if (got == 0)
            return 0;
        if (got != CXG_NOT_READY)
            return cxg_driver_failed("stream_query", got);
        if (rounds < CXG_SPINS)
            continue;
        if (cxg_milliseconds() > deadline) {
            fprintf(stderr, "error: the device takes longer than %u s\nremedy: allow more by --time-limit, or use another device\n",
                    (unsigned)x->time_limit);
            fflush(stdout);
            _exit(CXG_EXIT_DEVICE);
        }
        nanosleep(&pause, NULL);
    }
}

static int initialize(cxg_instance *x, const char *parameters)
{
    const cxg_program *p = x->program;
    uint64_t bytes = 0;
    uint8_t *file = NULL;
    if (p->file_bytes > 0) {
        file = read_file(parameters, &bytes);
        if (file == NULL)
            return 1;
        if (bytes != p->file_bytes) {
            fprintf(stderr, "error: %s has %llu bytes, but the program's has %llu\n", parameters, (unsigned long long)bytes,
                    (unsigned long long)p->file_bytes);
            free(file);
            return 1;
        }
    }
    int failed = 0;
    if (p->resident_bytes > 0) {
        cxg_result got = cxg.upload(x->params, file, p->resident_bytes);
        failed = got != 0 && cxg_driver_failed("upload", got);
    }
    uint32_t next = 0;
    for (uint32_t step = 0; step < p->init_count || (step == 0 && p->upload_count > 0); step++) {
        for (; !failed && next < p->upload_count && p->uploads[next].before <= step; next++) {
            const cxg_upload *u = &p->uploads[next];
            cxg_result got = cxg.upload(x->arena + u->address, file + u->offset, u->bytes);
            failed = got != 0 && cxg_driver_failed("upload", got);
        }
        /* the next step's parameters may take the place of this one's */
        if (!failed && step < p->init_count) {
            failed = start(x, &p->init[step]) || wait_for_stream(x);
        }
        if (failed)
            break;
    }
    free(file);
    return failed;
}

static int copy_inputs(cxg_instance *x)
{
    const cxg_program *p = x->program;
    for (uint32_t i = 0; i < p->input_count; i++)
        if (p->inputs[i].bytes > 0)
            CXG_TRY(upload_later, x->arena + p->inputs[i].address, cxg_input(x, i), p->inputs[i].bytes, x->stream);
    return 0;
}

static int run_steps(cxg_instance *x)
{
    for (uint32_t i = 0; i < x->program->step_count; i++)
        if (start(x, &x->program->steps[i]))
            return 1;
    return 0;
}

static int copy_outputs(cxg_instance *x)
{
    const cxg_program *p = x->program;
    for (uint32_t i = 0; i < p->output_count; i++)
        if (p->outputs[i].passes == 0 && p->outputs[i].bytes > 0)
            CXG_TRY(download_later, cxg_output(x, i), x->arena + p->outputs[i].address, p->outputs[i].bytes, x->stream);
    return 0;
}

/* Records a run as a graph; with its copies or without. */
static int record(cxg_instance *x, int copies, cxg_handle *result)
{
    cxg_handle graph;
    CXG_TRY(capture_begin, x->stream, CXG_CAPTURE_LOCAL);
    if ((copies && copy_inputs(x)) || run_steps(x) || (copies && copy_outputs(x)))
        return 1;
    CXG_TRY(capture_end, x->stream, &graph);
    CXG_TRY(graph_instantiate, result, graph, 0);
    CXG_TRY(graph_destroy, graph);
    return 0;
}

static int allocate(cxg_instance *x)
{
    const cxg_program *p = x->program;
    x->pinned_bytes = ports_bytes(p->inputs, p->input_count) + ports_bytes(p->outputs, p->output_count);
    CXG_TRY(allocate, &x->arena, p->arena_bytes);
    CXG_TRY(allocate, &x->params, p->resident_bytes > 0 ? p->resident_bytes : 256);
    CXG_TRY(allocate_host, (void **)&x->pinned, x->pinned_bytes > 0 ? x->pinned_bytes : 64, 0);
    CXG_TRY(clear, x->arena, 0, p->arena_bytes);
    x->env.m = x->arena;
    x->env.params = x->params;
    return 0;
}

int cxg_open(const cxg_program *program, const cxg_open_options *options, cxg_instance *x)
{
    int count = 0, capability;
    char architecture[96];
    memset(x, 0, sizeof *x);
    x->program = program;
    x->time_limit = options->time_limit;
    if (cxg_driver_open(options->library))
        return 1;
    CXG_TRY(init, 0);
    CXG_TRY(device_count, &count);
    if (options->device >= count) {
        fprintf(stderr, "error: there is no device %d: the driver has %d\n", options->device, count);
        return 1;
    }
    CXG_TRY(device_get, &x->device, options->device);
    cxg_driver_architecture(x->device, architecture, sizeof architecture, &capability);
    x->starts = capability == CXG_HOPPER && program->hopper_starts != NULL ? program->hopper_starts : program->starts;
    CXG_TRY(context_retain, &x->context, x->device);
    CXG_TRY(context_set, x->context);
    CXG_TRY(stream_create, &x->stream, CXG_STREAM_DEFAULT);
    if (load_modules(x, options->suffix) || allocate(x) || initialize(x, options->parameters))
        return 1;
    return record(x, 1, &x->whole) || record(x, 0, &x->kernels);
}

void cxg_close(cxg_instance *x)
{
    if (x->pinned != NULL)
        cxg.release_host(x->pinned);
    if (x->params != 0)
        cxg.release(x->params);
    if (x->arena != 0)
        cxg.release(x->arena);
    for (uint32_t i = 0; x->modules != NULL && i < x->program->module_count; i++)
        if (x->modules[i] != NULL)
            cxg.module_unload(x->modules[i]);
    if (x->stream != NULL)
        cxg.stream_destroy(x->stream);
    if (x->context != NULL)
        cxg.context_release(x->device);
    free(x->modules);
    free(x->functions);
}

/* NaNs have any bits inside of a program and these when they leave. */
static void canonicalize(uint8_t *data, uint64_t bytes)
{
    for (uint64_t i = 0; i + 4 <= bytes; i += 4) {
        uint32_t bits;
        memcpy(&bits, data + i, 4);
        if ((bits & 0x7fffffffu) > 0x7f800000u) {
            bits = 0x7fc00000u;
            memcpy(data + i, &bits, 4);
        }
    }
}

int cxg_run(cxg_instance *x)
{
    const cxg_program *p = x->program;
    CXG_TRY(graph_launch, x->whole, x->stream);
    if (wait_for_stream(x))
        return 1;
    for (uint32_t i = 0; i < p->output_count; i++)
        if (p->outputs[i].dtype == CX_F32 && p->outputs[i].passes == 0)
            canonicalize(cxg_output(x, i), p->outputs[i].bytes);
    return 0;
}

int cxg_profile(cxg_instance *x, float *times)
{
    const cxg_program *p = x->program;
    cxg_handle before, after;
    CXG_TRY(event_create, &before, 0);
    CXG_TRY(event_create, &after, 0);
    if (copy_inputs(x))
        return 1;
    for (uint32_t i = 0; i < p->step_count; i++) {
        CXG_TRY(event_record, before, x->stream);
        if (start(x, &p->steps[i]))
            return 1;
        CXG_TRY(event_record, after, x->stream);
        CXG_TRY(event_wait, after);
        CXG_TRY(event_elapsed, &times[i], before, after);
    }
    return 0;
}
