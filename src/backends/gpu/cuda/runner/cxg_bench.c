/*
 * Times of runs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxg_main.h"

#define WARM_UP 10

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t macs_of(const cxg_program *p)
{
    uint64_t macs = 0;
    for (uint32_t i = 0; i < p->step_count; i++)
        macs += p->steps[i].macs;
    return macs;
}

/* Milliseconds of the device for a run, one after the other without copies. @returns 0, or 1 after a message */
static int time_kernels(cxg_instance *x, uint32_t repeat, double *each)
{
    cxg_handle before, after;
    float total;
    CXG_TRY(event_create, &before, 0);
    CXG_TRY(event_create, &after, 0);
    for (uint32_t i = 0; i < WARM_UP; i++)
        CXG_TRY(graph_launch, x->kernels, x->stream);
    CXG_TRY(event_record, before, x->stream);
    for (uint32_t i = 0; i < repeat; i++)
        CXG_TRY(graph_launch, x->kernels, x->stream);
    CXG_TRY(event_record, after, x->stream);
    CXG_TRY(event_wait, after);
    CXG_TRY(event_elapsed, &total, before, after);
    *each = (double)total / repeat;
    return 0;
}

/* Milliseconds from the inputs in memory of the host to the outputs there, one run at a time, in order of size. */
static int time_runs(cxg_instance *x, uint32_t repeat, double *times)
{
    for (uint32_t i = 0; i < WARM_UP; i++)
        if (cxg_run(x))
            return 1;
    for (uint32_t i = 0; i < repeat; i++) {
        const double start = cxg_milliseconds();
        if (cxg_run(x))
            return 1;
        times[i] = cxg_milliseconds() - start;
    }
    qsort(times, repeat, sizeof *times, by_size);
    return 0;
}

/* Inputs of pseudo-random bytes: zeros would let a device run faster than data do. Floats are of random bits below 1. */
static void fill(cxg_instance *x)
{
    const cxg_program *p = x->program;
    uint32_t state = 1;
    for (uint32_t i = 0; i < p->input_count; i++) {
        uint8_t *to = cxg_input(x, i);
        for (uint64_t k = 0; k < p->inputs[i].bytes; k++) {
            state = state * 1664525u + 1013904223u;
            to[k] = (uint8_t)(state >> 24);
            if (p->inputs[i].dtype == CX_F32 && k % 4 == 3)
                to[k] = 0x3e;
            else if (p->inputs[i].dtype == CX_BOOL)
                to[k] &= 1;
            else if (p->inputs[i].dtype == CX_I6)
                to[k] &= 31;
        }
    }
}

int cxg_bench(cxg_instance *x, const cxg_options *o)
{
    const cxg_program *p = x->program;
    const uint32_t batch = p->input_count > 0 && p->inputs[0].rank > 0 ? p->inputs[0].shape[0] : 1;
    double kernels = 0, *times = calloc(o->repeat, sizeof *times);
    char device[256] = "";
    fill(x);
    if (times == NULL || time_kernels(x, o->repeat, &kernels) || time_runs(x, o->repeat, times)) {
        free(times);
        return CXG_EXIT_DEVICE;
    }
    cxg.device_name(device, sizeof device, x->device);
    const double median = times[o->repeat / 2], p90 = times[(uint64_t)o->repeat * 9 / 10];
    const double gmacs = kernels > 0 ? (double)macs_of(p) / kernels / 1e6 : 0;
    if (o->json)
        printf("{\"model\":\"%s\",\"device\":\"%s\",\"batch\":%u,\"runs\":%u,\"launches\":%u,\"kernels_ms\":%.5f,\"median_ms\":%.5f,"
               "\"p90_ms\":%.5f,\"images_per_s\":%.1f,\"images_per_s_with_copies\":%.1f,\"gmacs_per_s\":%.1f,\"arena_bytes\":%" PRIu64 "}\n",
               p->name, device, (unsigned)batch, (unsigned)o->repeat, (unsigned)p->start_count, kernels, median, p90,
               kernels > 0 ? 1e3 * batch / kernels : 0, median > 0 ? 1e3 * batch / median : 0, gmacs, p->arena_bytes);
    else
        printf("%s on %s, batch %u, %u runs: device %.4f ms a run (%.1f images/s, %.1f GMAC/s), with copies median %.4f ms, p90 %.4f ms "
               "(%.1f images/s)\n",
               p->name, device, (unsigned)batch, (unsigned)o->repeat, kernels, kernels > 0 ? 1e3 * batch / kernels : 0, gmacs, median, p90,
               median > 0 ? 1e3 * batch / median : 0);
    free(times);
    return CXG_EXIT_OK;
}

int cxg_print_profile(cxg_instance *x, const cxg_options *o)
{
    const cxg_program *p = x->program;
    float *times = calloc((size_t)p->step_count + 1, sizeof *times);
    /* the second one is warm */
    if (times == NULL || cxg_profile(x, times) || cxg_profile(x, times)) {
        free(times);
        return CXG_EXIT_DEVICE;
    }
    double total = 0;
    for (uint32_t i = 0; i < p->step_count; i++)
        total += times[i];
    if (!o->json)
        printf("%10s %6s %10s %8s  %-20s %s\n", "ms", "%", "GMAC/s", "launches", "op", "place");
    for (uint32_t i = 0; i < p->step_count; i++) {
        const cxg_step *s = &p->steps[i];
        const double gmacs = times[i] > 0 ? (double)s->macs / (double)times[i] / 1e6 : 0;
        if (o->json)
            printf("{\"step\":%u,\"op\":\"%s\",\"ms\":%.5f,\"macs\":%" PRIu64 ",\"launches\":%u}\n", (unsigned)i, s->op, (double)times[i],
                   s->macs, (unsigned)s->count);
        else
            printf("%10.4f %6.2f %10.1f %8u  %-20s %s\n", (double)times[i], total > 0 ? 100 * (double)times[i] / total : 0, gmacs,
                   (unsigned)s->count, s->op, s->place);
    }
    if (!o->json)
        printf("%10.4f\n", total);
    free(times);
    return CXG_EXIT_OK;
}
