/*
 * The runner of a model compiled for a GPU: .npy files in and out, the check against test vectors, times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cx_npy_folder.h"
#include "cxg_main.h"

static int list(const cxg_instance *x)
{
    const cxg_program *p = x->program;
    char name[256] = "", architecture[96], version[32];
    int capability = 0;
    size_t memory = 0;
    cx_list_ports("input", p->inputs, p->input_count);
    cx_list_ports("output", p->outputs, p->output_count);
    cxg_driver_version(version, sizeof version);
    cxg.device_name(name, sizeof name, x->device);
    cxg.device_memory(&memory, x->device);
    cxg_driver_architecture(x->device, architecture, sizeof architecture, &capability);
    printf("device %s: %s, %zu MiB, %s\n", name, architecture, memory >> 20, version);
    printf("program: %u steps, %u kernel starts, arena of %llu bytes\n", (unsigned)p->step_count, (unsigned)p->start_count,
           (unsigned long long)p->arena_bytes);
    return CXG_EXIT_OK;
}

/* What a vector is compared in. */
typedef struct checked {
    cxg_instance *instance;
    const char *folder;
} checked;

/* @returns an exit code; says how a vector differs */
static int check_vector(void *context, const char *vector)
{
    cxg_instance *x = ((const checked *)context)->instance;
    const char *folder = ((const checked *)context)->folder;
    const cxg_program *p = x->program;
    char path[4096];
    int worst = CXG_EXIT_OK;
    for (uint32_t i = 0; i < p->input_count; i++) {
        snprintf(path, sizeof path, "%s/%s/input%u.npy", folder, vector, (unsigned)i);
        if (cx_npy_load(path, &p->inputs[i], cxg_input(x, i)))
            return CXG_EXIT_INPUT;
    }
    if (cxg_run(x))
        return CXG_EXIT_DEVICE;
    for (uint32_t i = 0; i < p->output_count; i++) {
        const cx_port *port = &p->outputs[i];
        uint8_t *expected = malloc((size_t)port->bytes + 1), *got = cxg_output(x, i);
        snprintf(path, sizeof path, "%s/%s/output%u.npy", folder, vector, (unsigned)i);
        if (expected == NULL || cx_npy_load(path, port, expected)) {
            free(expected);
            return CXG_EXIT_INPUT;
        }
        uint64_t at = 0, wrong = 0;
        for (uint64_t k = port->bytes; k-- > 0;)
            if (got[k] != expected[k])
                at = k, wrong++;
        if (wrong > 0) {
            fprintf(stderr, "mismatch: vector %s, output %u (%s): %llu of %llu bytes differ; byte %llu is %u, expected %u\n", vector, (unsigned)i,
                    port->name, (unsigned long long)wrong, (unsigned long long)port->bytes, (unsigned long long)at, (unsigned)got[at],
                    (unsigned)expected[at]);
            worst = CXG_EXIT_MISMATCH;
        }
        free(expected);
    }
    return worst;
}

static int check(cxg_instance *x, const char *folder)
{
    cx_vector_counts counts;
    checked context = {x, folder};
    /* a device that failed once fails again */
    if (cx_each_vector(folder, check_vector, &context, CXG_EXIT_MISMATCH, &counts))
        return CXG_EXIT_INPUT;
    printf("%u of %u vectors give the expected bytes (%u steps, %u kernel starts)\n", counts.same, counts.all,
           (unsigned)x->program->step_count, (unsigned)x->program->start_count);
    return counts.worst;
}

static int write_outputs(cxg_instance *x, const char *folder)
{
    const cxg_program *p = x->program;
    char path[4096], message[2048];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "error: the folder %s cannot be made: %s\n", folder, strerror(errno));
        return CXG_EXIT_INPUT;
    }
    for (uint32_t i = 0; i < p->output_count; i++) {
        cx_output_path(folder, &p->outputs[i], i, path, sizeof path);
        if (cx_npy_write(path, &p->outputs[i], cxg_output(x, i), message, sizeof message)) {
            fprintf(stderr, "error: %s: %s\n", path, message);
            return CXG_EXIT_INPUT;
        }
        printf("%s\n", path);
    }
    return CXG_EXIT_OK;
}

static int run_files(cxg_instance *x, const cxg_options *o)
{
    const cxg_program *p = x->program;
    if (o->out == NULL || o->file_count != p->input_count) {
        fprintf(stderr, "error: the model has %u inputs, %u files are named%s\nremedy: --list shows the inputs, -o names the folder of the outputs\n",
                (unsigned)p->input_count, (unsigned)o->file_count, o->out == NULL ? ", and no folder for the outputs" : "");
        return CXG_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < p->input_count; i++)
        if (cx_npy_load(o->files[i], &p->inputs[i], cxg_input(x, i)))
            return CXG_EXIT_INPUT;
    return cxg_run(x) ? CXG_EXIT_DEVICE : write_outputs(x, o->out);
}

int main(int argc, char **argv)
{
    cxg_options options;
    cxg_instance instance;
    int code = cxg_options_read(argc, argv, &options);
    if (code != CXG_EXIT_OK)
        return code;
    if (options.help) {
        cxg_usage(argc > 0 ? argv[0] : "run");
        return CXG_EXIT_OK;
    }
    if (cxg_open(&cxg_program_table, &options.open, &instance))
        return CXG_EXIT_DEVICE;
    code = options.list      ? list(&instance)
           : options.check   ? check(&instance, options.vectors)
           : options.bench   ? cxg_bench(&instance, &options)
           : options.profile ? cxg_print_profile(&instance, &options)
                             : run_files(&instance, &options);
    cxg_close(&instance);
    if (fflush(stdout) != 0 && code == CXG_EXIT_OK)
        code = CXG_EXIT_INPUT;
    return code;
}
