/*
 * The runner of a model compiled for a GPU: .npy files in and out, the check against test vectors, times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cx_npy.h"
#include "cxg_main.h"

static void list_ports(const char *kind, const cx_port *ports, uint32_t count)
{
    char type[512];
    for (uint32_t i = 0; i < count; i++) {
        cx_port_text(&ports[i], type, sizeof type);
        printf("%s %s: %s\n", kind, ports[i].name, type);
    }
}

static int list(const cxg_instance *x)
{
    const cxg_program *p = x->program;
    char name[256] = "";
    int driver = 0, major = 0, minor = 0;
    size_t memory = 0;
    list_ports("input", p->inputs, p->input_count);
    list_ports("output", p->outputs, p->output_count);
    cxg.driver_version(&driver);
    cxg.device_name(name, sizeof name, x->device);
    cxg.device_memory(&memory, x->device);
    cxg.device_attribute(&major, CXG_MAJOR, x->device);
    cxg.device_attribute(&minor, CXG_MINOR, x->device);
    printf("device %s: compute capability %d.%d, %zu MiB, CUDA %d.%d\n", name, major, minor, memory >> 20, driver / 1000, driver % 1000 / 10);
    printf("program: %u steps, %u kernel starts, arena of %llu bytes\n", (unsigned)p->step_count, (unsigned)p->start_count,
           (unsigned long long)p->arena_bytes);
    return CXG_EXIT_OK;
}

static int read_port(const char *path, const cx_port *port, void *to)
{
    char message[2048];
    if (cx_npy_read(path, port, to, message, sizeof message) == 0)
        return 0;
    fprintf(stderr, "error: %s: %s\n", path, message);
    return 1;
}

/* @returns an exit code; says how a vector differs */
static int check_vector(cxg_instance *x, const char *folder, const char *vector)
{
    const cxg_program *p = x->program;
    char path[4096];
    int worst = CXG_EXIT_OK;
    for (uint32_t i = 0; i < p->input_count; i++) {
        snprintf(path, sizeof path, "%s/%s/input%u.npy", folder, vector, (unsigned)i);
        if (read_port(path, &p->inputs[i], cxg_input(x, i)))
            return CXG_EXIT_INPUT;
    }
    if (cxg_run(x))
        return CXG_EXIT_DEVICE;
    for (uint32_t i = 0; i < p->output_count; i++) {
        const cx_port *port = &p->outputs[i];
        uint8_t *expected = malloc((size_t)port->bytes + 1), *got = cxg_output(x, i);
        snprintf(path, sizeof path, "%s/%s/output%u.npy", folder, vector, (unsigned)i);
        if (expected == NULL || read_port(path, port, expected)) {
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
    char path[4096], line[1024];
    unsigned count = 0, same = 0;
    int worst = CXG_EXIT_OK;
    snprintf(path, sizeof path, "%s/list.txt", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "error: %s cannot be opened: %s\nremedy: start the runner in its folder, or name the vectors with --vectors\n", path,
                strerror(errno));
        return CXG_EXIT_INPUT;
    }
    while (worst <= CXG_EXIT_MISMATCH && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0')
            continue;
        const int code = check_vector(x, folder, line);
        count++;
        same += code == CXG_EXIT_OK;
        worst = code > worst ? code : worst;
    }
    fclose(file);
    printf("%u of %u vectors give the expected bytes (%u steps, %u kernel starts)\n", same, count, (unsigned)x->program->step_count,
           (unsigned)x->program->start_count);
    return count == 0 && worst == CXG_EXIT_OK ? CXG_EXIT_INPUT : worst;
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
        char name[128];
        size_t n = 0;
        for (const char *c = p->outputs[i].name; *c != '\0' && n + 1 < sizeof name; c++)
            name[n++] = strchr("/\\:*?\"<>|", *c) != NULL || (unsigned char)*c <= ' ' ? '_' : *c;
        name[n] = '\0';
        snprintf(path, sizeof path, "%s/%s.npy", folder, n > 0 ? name : "output");
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
        if (read_port(o->files[i], &p->inputs[i], cxg_input(x, i)))
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
