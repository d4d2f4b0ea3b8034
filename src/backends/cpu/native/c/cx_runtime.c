/*
 * Opens and runs programs. See cx_runtime.h.
 */
#if !defined(_POSIX_C_SOURCE) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif
#include "cx_runtime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cx_runtime_float.h"
#include "cx_runtime_levels.h"
#include "cx_threads.h"

#if defined(__STDC_NO_ATOMICS__)
typedef int flag;
static int raise_flag(flag *f)
{
    int was = *f;
    *f = 1;
    return was;
}
static void lower_flag(flag *f) { *f = 0; }
#else
#include <stdatomic.h>
typedef atomic_flag flag;
static int raise_flag(flag *f) { return atomic_flag_test_and_set_explicit(f, memory_order_acquire); }
static void lower_flag(flag *f) { atomic_flag_clear_explicit(f, memory_order_release); }
#endif

struct cx_instance {
    const cx_program *program;
    const cx_level *level;
    cx_memory memory;
    cx_env env;
    const uint8_t **params;
    cx_team *team;
    flag running;
    /** Steps of the job in hand: from `first` to before `end`. */
    uint32_t first, end;
    /** The parallel steps of the program lie from `first_parallel` to before `end_parallel`; both step_count when there is none. */
    uint32_t first_parallel, end_parallel;
};

static int fits(uint64_t at, uint64_t bytes, uint64_t total) { return at <= total && bytes <= total - at; }

static cx_status check_ports(const cx_program *p, const cx_port *ports, uint32_t count, cx_failure *failure)
{
    for (uint32_t i = 0; i < count; i++)
        if (ports[i].rank > CX_MAX_RANK || !fits(ports[i].address, ports[i].bytes, p->memory_bytes))
            return cx_fail(failure, CX_BAD_PROGRAM, "port %s lies outside of the %llu bytes of memory", ports[i].name,
                           (unsigned long long)p->memory_bytes);
    return CX_OK;
}

/* What follows relies on this, so that a library that was made wrongly is refused and does not write anywhere. */
static cx_status check_program(const cx_program *p, cx_failure *failure)
{
    if (p->format != CX_FORMAT)
        return cx_fail(failure, CX_BAD_PROGRAM, "the program has format %u, this runtime runs %u", (unsigned)p->format, CX_FORMAT);
    if (p->max_threads == 0 || p->memory_bytes == 0)
        return cx_fail(failure, CX_BAD_PROGRAM, "the program states no threads or no memory");
    if (check_ports(p, p->inputs, p->input_count, failure) != CX_OK || check_ports(p, p->outputs, p->output_count, failure) != CX_OK)
        return failure->status;
    for (uint32_t i = 0; i < p->parameter_count; i++) {
        const cx_parameter *a = &p->parameters[i];
        if (!fits(a->offset, a->bytes, p->parameter_bytes) || (a->address != CX_EXTERNAL && !fits(a->address, a->bytes, p->memory_bytes)))
            return cx_fail(failure, CX_BAD_PROGRAM, "parameter %u lies outside of its file or of memory", (unsigned)i);
    }
    for (uint32_t i = 0; i < p->staging_count; i++) {
        const cx_staging *s = &p->stagings[i];
        if (s->parameter >= p->parameter_count || !fits(s->address, p->parameters[s->parameter].bytes, p->memory_bytes))
            return cx_fail(failure, CX_BAD_PROGRAM, "staged parameter %u lies outside of memory", (unsigned)i);
    }
    for (uint32_t i = 0; i < p->blob_count; i++)
        if (!fits(p->blobs[i].address, p->blobs[i].bytes, p->memory_bytes))
            return cx_fail(failure, CX_BAD_PROGRAM, "constant %u lies outside of memory", (unsigned)i);
    return CX_OK;
}

static cx_status point_at_parameters(cx_instance *instance, cx_failure *failure)
{
    const cx_program *p = instance->program;
    instance->params = calloc((size_t)p->parameter_count + 1, sizeof *instance->params);
    if (instance->params == NULL)
        return cx_fail(failure, CX_NO_MEMORY, "no memory for %u parameters", (unsigned)p->parameter_count);
    for (uint32_t i = 0; i < p->parameter_count; i++)
        instance->params[i] = instance->memory.file == NULL ? instance->memory.linear : instance->memory.file + p->parameters[i].offset;
    instance->env.m = instance->memory.linear;
    instance->env.params = instance->params;
    return CX_OK;
}

static void stage(cx_instance *instance, uint32_t step)
{
    const cx_program *p = instance->program;
    for (uint32_t i = 0; i < p->staging_count; i++) {
        const cx_staging *s = &p->stagings[i];
        if (s->step == step)
            memcpy(instance->memory.linear + s->address, instance->params[s->parameter], (size_t)p->parameters[s->parameter].bytes);
    }
}

static cx_status initialize(cx_instance *instance, cx_failure *failure)
{
    const cx_program *p = instance->program;
    for (uint32_t i = 0; i < p->parameter_count; i++)
        if (p->parameters[i].address != CX_EXTERNAL && cx_memory_place(&instance->memory, &p->parameters[i], failure) != CX_OK)
            return failure->status;
    for (uint32_t i = 0; i < p->blob_count; i++)
        memcpy(instance->memory.linear + p->blobs[i].address, p->blobs[i].data, (size_t)p->blobs[i].bytes);
    cx_float_state before = cx_float_enter();
    stage(instance, CX_ALL_INIT);
    for (uint32_t i = 0; i < p->init_count; i++) {
        stage(instance, i);
        p->init[i](&instance->env);
    }
    cx_float_leave(before);
    return CX_OK;
}

static void find_parallel(cx_instance *instance)
{
    const cx_program *p = instance->program;
    uint32_t first = 0, end = p->step_count;
    while (first < p->step_count && !p->steps[first].parallel)
        first++;
    while (end > first && !p->steps[end - 1].parallel)
        end--;
    instance->first_parallel = first;
    instance->end_parallel = first == p->step_count ? first : end;
}

static cx_status open_instance(cx_instance *instance, const char *parameter_path, uint32_t threads, cx_failure *failure)
{
    const cx_program *p = instance->program;
    if (check_program(p, failure) != CX_OK || cx_memory_open(&instance->memory, p, parameter_path, failure) != CX_OK ||
        point_at_parameters(instance, failure) != CX_OK || initialize(instance, failure) != CX_OK)
        return failure->status;
    find_parallel(instance);
    int alone = instance->first_parallel == p->step_count;
    uint32_t used = alone ? 1 : threads < p->max_threads ? threads : p->max_threads;
    instance->team = cx_team_create(used);
    if (instance->team == NULL)
        return cx_fail(failure, CX_NO_THREADS, "the system starts no %u threads", (unsigned)used);
    return CX_OK;
}

cx_status cx_open(const char *parameter_path, const char *level, uint32_t threads, cx_instance **result, char *message,
                  size_t message_bytes)
{
    cx_failure failure = {CX_OK, message, message_bytes};
    if (result == NULL)
        return CX_BAD_ARGUMENT;
    *result = NULL;
    if (threads == 0)
        return cx_fail(&failure, CX_BAD_ARGUMENT, "a program runs on 1 thread or more, not on 0");
    const cx_level *chosen = cx_choose_level(level, &failure);
    if (chosen == NULL)
        return failure.status;
    if (chosen->program->parameter_bytes > 0 && (parameter_path == NULL || parameter_path[0] == '\0'))
        return cx_fail(&failure, CX_PARAMETERS_UNREADABLE, "the program has parameters, but no file is named");
    cx_instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL)
        return cx_fail(&failure, CX_NO_MEMORY, "no memory for the program");
    instance->level = chosen;
    instance->program = chosen->program;
    instance->memory.descriptor = -1;
    lower_flag(&instance->running);
    if (open_instance(instance, parameter_path, threads, &failure) != CX_OK) {
        cx_close(instance);
        return failure.status;
    }
    *result = instance;
    return CX_OK;
}

void cx_close(cx_instance *instance)
{
    if (instance == NULL)
        return;
    cx_team_destroy(instance->team);
    cx_memory_close(&instance->memory);
    free(instance->params);
    free(instance);
}

const cx_program *cx_program_of(const cx_instance *instance) { return instance->program; }

const char *cx_level_of(const cx_instance *instance) { return instance->level->name; }

uint32_t cx_threads_of(const cx_instance *instance) { return cx_team_size(instance->team); }

void *cx_input(cx_instance *instance, uint32_t index)
{
    const cx_program *p = instance->program;
    return index < p->input_count ? instance->memory.linear + p->inputs[index].address : NULL;
}

cx_status cx_write_input(cx_instance *instance, uint32_t index, const void *from, uint64_t bytes)
{
    const cx_program *p = instance->program;
    if (index >= p->input_count || bytes != p->inputs[index].bytes)
        return CX_BAD_ARGUMENT;
    memcpy(instance->memory.linear + p->inputs[index].address, from, (size_t)bytes);
    return CX_OK;
}

const void *cx_output(const cx_instance *instance, uint32_t index)
{
    const cx_program *p = instance->program;
    return index < p->output_count ? instance->memory.linear + p->outputs[index].address : NULL;
}

/* NUMERICS F4: NaN bits are canonical in what leaves a program; no op tells one NaN from another. */
static void copy_canonical(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    const uint32_t canonical = 0x7fc00000u;
    for (uint64_t i = 0; i + 4 <= bytes; i += 4) {
        uint32_t word;
        memcpy(&word, from + i, 4);
        if ((word & 0x7fffffffu) > 0x7f800000u)
            word = canonical;
        memcpy(to + i, &word, 4);
    }
}

cx_status cx_read_output(const cx_instance *instance, uint32_t index, void *to, uint64_t bytes)
{
    const cx_program *p = instance->program;
    if (index >= p->output_count || bytes != p->outputs[index].bytes)
        return CX_BAD_ARGUMENT;
    const uint8_t *from = cx_output(instance, index);
    if (p->outputs[index].dtype == CX_F32 && p->outputs[index].passes == 0)
        copy_canonical(to, from, bytes);
    else
        memcpy(to, from, (size_t)bytes);
    return CX_OK;
}

static void run_alone(cx_instance *instance, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        instance->program->steps[i].run(&instance->env, 0, 1);
}

/*
 * What every thread does: its share of parallel steps; serial ones thread 0 alone. Threads meet where work passes from
 * all to one, from one to all, or from all to all, and at the end; between two serial steps nobody waits.
 */
static void run_share(void *argument, cx_team *team, uint32_t thread)
{
    const cx_instance *instance = argument;
    const cx_step *steps = instance->program->steps;
    uint32_t threads = cx_team_size(team);
    for (uint32_t i = instance->first; i < instance->end; i++) {
        if (i > instance->first && (steps[i].parallel || steps[i - 1].parallel))
            cx_team_meet(team);
        if (steps[i].parallel)
            steps[i].run(&instance->env, thread, threads);
        else if (thread == 0)
            steps[i].run(&instance->env, 0, 1);
    }
    cx_team_meet(team);
}

static void run_share_exactly(void *argument, cx_team *team, uint32_t thread)
{
    cx_float_state before = cx_float_enter();
    run_share(argument, team, thread);
    cx_float_leave(before);
}

/* Steps from `first` to before `end`, with all threads. */
static void run_together(cx_instance *instance, uint32_t first, uint32_t end)
{
    instance->first = first;
    instance->end = end;
    cx_team_start(instance->team, run_share_exactly, instance);
}

cx_status cx_run(cx_instance *instance)
{
    const cx_program *p = instance->program;
    if (raise_flag(&instance->running))
        return CX_BUSY;
    cx_float_state before = cx_float_enter();
    if (cx_team_size(instance->team) == 1)
        run_alone(instance, 0, p->step_count);
    else {
        /* workers sleep on while thread 0 does the serial steps at both ends */
        run_alone(instance, 0, instance->first_parallel);
        run_together(instance, instance->first_parallel, instance->end_parallel);
        run_alone(instance, instance->end_parallel, p->step_count);
    }
    cx_float_leave(before);
    lower_flag(&instance->running);
    return CX_OK;
}

cx_status cx_run_step(cx_instance *instance, uint32_t step)
{
    if (step >= instance->program->step_count)
        return CX_BAD_ARGUMENT;
    if (raise_flag(&instance->running))
        return CX_BUSY;
    cx_float_state before = cx_float_enter();
    if (instance->program->steps[step].parallel && cx_team_size(instance->team) > 1)
        run_together(instance, step, step + 1);
    else
        run_alone(instance, step, step + 1);
    cx_float_leave(before);
    lower_flag(&instance->running);
    return CX_OK;
}

static uint64_t now(void)
{
    struct timespec t;
#if defined(CLOCK_MONOTONIC)
    clock_gettime(CLOCK_MONOTONIC, &t);
#else
    timespec_get(&t, TIME_UTC);
#endif
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

cx_status cx_profile(cx_instance *instance, uint64_t *nanoseconds, uint32_t count)
{
    if (count != instance->program->step_count)
        return CX_BAD_ARGUMENT;
    if (raise_flag(&instance->running))
        return CX_BUSY;
    cx_float_state before = cx_float_enter();
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = now();
        run_alone(instance, i, i + 1);
        nanoseconds[i] = now() - start;
    }
    cx_float_leave(before);
    lower_flag(&instance->running);
    return CX_OK;
}
