/*
 * The team of threads over POSIX threads and C11 atomics. One barrier serves for everything: workers wait in it for the
 * next job, and threads meet in it between steps. It counts arrivals and then changes its generation, a counter where the
 * classic barrier reverses a flag (Mellor-Crummey and Scott, Algorithms for scalable synchronization, 1991, section 3.1).
 *
 * A waiting thread spins a little, since steps of a program take some 50 microseconds and a sleeper takes as long to wake;
 * then it lets others run, then it sleeps. How long it spins adapts (as spins of mutexes do, Karlin et al., Empirical studies
 * of competitive spinning for a shared-memory multiprocessor, 1991): in vain means that the thread that is waited for has no
 * processor, perhaps because of this one, so the next spin is half as long; a spin that ends well makes the next one twice as
 * long. With more threads than processors none spins at all.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "cx_threads.h"

#include <stdlib.h>

#if !defined(_WIN32) && !defined(__STDC_NO_ATOMICS__) && !defined(CX_NO_THREADS_SUPPORT)
#define CX_THREADS 1
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>
#endif

#if defined(CX_THREADS)

#define CACHE_LINE 64
/* Rounds of a spin, at most (some 50 microseconds) and at least. */
#define SPINS 4000
#define LEAST_SPINS 60
#define YIELDS 20

struct cx_team {
    uint32_t threads;
    cx_job job;
    void *argument;
    int stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t *workers;
    /* on cache lines of their own: the spinners read `generation` while others arrive */
    _Alignas(CACHE_LINE) atomic_uint generation;
    _Alignas(CACHE_LINE) atomic_uint missing;
    atomic_uint sleepers;
    /* 0: never; written without order, since any value will do */
    atomic_uint spins;
};

typedef struct worker {
    cx_team *team;
    uint32_t thread;
} worker;

static inline void pause_briefly(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && (defined(__aarch64__) || defined(__arm__))
    __asm__ __volatile__("yield");
#endif
}

static uint32_t processors(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
#endif
#if defined(_SC_NPROCESSORS_ONLN)
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n > 0)
        return (uint32_t)n;
#endif
    return 1;
}

/* A sleeper counts itself before it looks at the generation, and the last thread changes the generation before it looks at
 * the sleepers, all sequentially consistent: so either the sleeper sees the change or the last thread sees the sleeper. */
static void sleep_until_changed(cx_team *team, uint32_t generation)
{
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->generation) == generation)
        pthread_cond_wait(&team->changed, &team->mutex);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

static int has_changed(const cx_team *team, uint32_t generation)
{
    return atomic_load_explicit(&team->generation, memory_order_acquire) != generation;
}

/* @returns whether the generation changed meanwhile */
static int spin(cx_team *team, uint32_t generation)
{
    uint32_t spins = atomic_load_explicit(&team->spins, memory_order_relaxed);
    if (spins == 0)
        return has_changed(team, generation);
    for (uint32_t i = 0; i < spins; i++) {
        if (has_changed(team, generation)) {
            if (spins < SPINS)
                atomic_store_explicit(&team->spins, 2 * spins < SPINS ? 2 * spins : SPINS, memory_order_relaxed);
            return 1;
        }
        pause_briefly();
    }
    atomic_store_explicit(&team->spins, spins / 2 > LEAST_SPINS ? spins / 2 : LEAST_SPINS, memory_order_relaxed);
    return 0;
}

static void wait_for_change(cx_team *team, uint32_t generation)
{
    if (spin(team, generation))
        return;
    for (int i = 0; i < YIELDS; i++) {
        sched_yield();
        if (has_changed(team, generation))
            return;
    }
    sleep_until_changed(team, generation);
}

void cx_team_meet(cx_team *team)
{
    if (team->threads == 1)
        return;
    uint32_t generation = atomic_load_explicit(&team->generation, memory_order_acquire);
    if (atomic_fetch_sub_explicit(&team->missing, 1, memory_order_acq_rel) != 1) {
        wait_for_change(team, generation);
        return;
    }
    atomic_store_explicit(&team->missing, team->threads, memory_order_relaxed);
    atomic_store(&team->generation, generation + 1);
    if (atomic_load(&team->sleepers) > 0) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_broadcast(&team->changed);
        pthread_mutex_unlock(&team->mutex);
    }
}

static void *work(void *argument)
{
    worker own = *(worker *)argument;
    free(argument);
    for (;;) {
        cx_team_meet(own.team);
        if (own.team->stop)
            return NULL;
        own.team->job(own.team->argument, own.team, own.thread);
    }
}

void cx_team_start(cx_team *team, cx_job job, void *argument)
{
    team->job = job;
    team->argument = argument;
    cx_team_meet(team);
    job(argument, team, 0);
}

static int start_worker(cx_team *team, uint32_t thread)
{
    worker *own = malloc(sizeof *own);
    if (own == NULL)
        return 0;
    own->team = team;
    own->thread = thread;
    if (pthread_create(&team->workers[thread - 1], NULL, work, own) == 0)
        return 1;
    free(own);
    return 0;
}

/* Ends the first `started` workers, which wait for a job. */
static void dismiss(cx_team *team, uint32_t started)
{
    team->stop = 1;
    /* workers that were never started would be missing for ever: this thread comes in their place too */
    for (uint32_t absent = team->threads - 1 - started; absent > 0; absent--)
        atomic_fetch_sub(&team->missing, 1);
    cx_team_meet(team);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(team->workers[i], NULL);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->mutex);
    free(team->workers);
    free(team);
}

cx_team *cx_team_create(uint32_t threads)
{
    size_t bytes = (sizeof(cx_team) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    cx_team *team = aligned_alloc(CACHE_LINE, bytes);
    if (team == NULL)
        return NULL;
    team->threads = threads;
    team->job = NULL;
    team->argument = NULL;
    team->stop = 0;
    atomic_init(&team->generation, 0);
    atomic_init(&team->missing, threads);
    atomic_init(&team->sleepers, 0);
    atomic_init(&team->spins, threads <= processors() ? SPINS : 0);
    team->workers = calloc(threads, sizeof *team->workers);
    if (team->workers == NULL || pthread_mutex_init(&team->mutex, NULL) != 0) {
        free(team->workers);
        free(team);
        return NULL;
    }
    if (pthread_cond_init(&team->changed, NULL) != 0) {
        pthread_mutex_destroy(&team->mutex);
        free(team->workers);
        free(team);
        return NULL;
    }
    for (uint32_t thread = 1; thread < threads; thread++) {
        if (start_worker(team, thread))
            continue;
        dismiss(team, thread - 1);
        return NULL;
    }
    return team;
}

void cx_team_destroy(cx_team *team)
{
    if (team != NULL)
        dismiss(team, team->threads - 1);
}

uint32_t cx_team_size(const cx_team *team) { return team->threads; }

#else

struct cx_team {
    int unused;
};

/* Fewer threads than asked for give the same bytes. */
cx_team *cx_team_create(uint32_t threads)
{
    (void)threads;
    return calloc(1, sizeof(cx_team));
}

void cx_team_destroy(cx_team *team) { free(team); }

uint32_t cx_team_size(const cx_team *team)
{
    (void)team;
    return 1;
}

void cx_team_start(cx_team *team, cx_job job, void *argument) { job(argument, team, 0); }

void cx_team_meet(cx_team *team) { (void)team; }

#endif
