/*
 * Reads the command line of the runner.
 */
#include "cx_main_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 1024
#define MOST_REPEATS 1000000

void cx_usage(const char *program)
{
    printf("usage: %s [options] INPUT.npy... -o FOLDER\n"
           "       %s [options] --check\n\n"
           "Runs the compiled model on one .npy file for each of its inputs, in their order.\n\n"
           "  -o, --out FOLDER     writes each output to FOLDER/NAME.npy\n"
           "  --check              runs the vectors of the folder and compares every byte\n"
           "  --vectors FOLDER     where they lie (vectors)\n"
           "  --params FILE        the parameters (parameters.bin)\n"
           "  --threads N          threads that share a run (1); the bytes do not depend on it\n"
           "  --isa LEVEL          instruction set, also by CX_ISA; else the best that the processor has\n"
           "  --repeat N           runs N times and tells the time\n"
           "  --profile            tells the time of every step, on one thread\n"
           "  --list               inputs, outputs and instruction sets\n\n"
           "Exit codes: 0 ok, 1 other bytes than expected, 2 usage, 3 input, 4 not supported here, 5 too little memory.\n",
           program, program);
}

static int refuse(const char *what, const char *argument)
{
    fprintf(stderr, "error: %s%s\nremedy: --help lists the options\n", what, argument);
    return CX_EXIT_USAGE;
}

static int read_number(const char *name, const char *text, uint32_t most, uint32_t *value)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 || n > most) {
        fprintf(stderr, "error: %s is a whole number from 1 to %u, not \"%s\"\n", name, (unsigned)most, text);
        return CX_EXIT_USAGE;
    }
    *value = (uint32_t)n;
    return CX_EXIT_OK;
}

static int set_flag(cx_options *o, const char *name)
{
    int *flag = strcmp(name, "--check") == 0                                 ? &o->check
                : strcmp(name, "--profile") == 0                             ? &o->profile
                : strcmp(name, "--list") == 0                                ? &o->list
                : strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ? &o->help
                                                                             : NULL;
    if (flag != NULL)
        *flag = 1;
    return flag != NULL;
}

/* @returns an exit code; `*known` is 0 when there is no such option */
static int set_value(cx_options *o, const char *name, const char *value, int *known)
{
    const char **text = strcmp(name, "-o") == 0 || strcmp(name, "--out") == 0 ? &o->out
                        : strcmp(name, "--vectors") == 0                      ? &o->vectors
                        : strcmp(name, "--params") == 0                       ? &o->parameters
                        : strcmp(name, "--isa") == 0                          ? &o->isa
                                                                              : NULL;
    uint32_t *number = strcmp(name, "--threads") == 0 ? &o->threads : strcmp(name, "--repeat") == 0 ? &o->repeat : NULL;
    *known = text != NULL || number != NULL;
    if (!*known)
        return CX_EXIT_OK;
    if (value == NULL)
        return refuse("a value is missing behind ", name);
    if (text != NULL) {
        *text = value;
        return CX_EXIT_OK;
    }
    return read_number(name, value, number == &o->threads ? MOST_THREADS : MOST_REPEATS, number);
}

int cx_options_read(int argc, char **argv, cx_options *options)
{
    const char *isa = getenv("CX_ISA");
    memset(options, 0, sizeof *options);
    options->threads = 1;
    options->parameters = "parameters.bin";
    options->vectors = "vectors";
    options->isa = isa != NULL && isa[0] != '\0' ? isa : NULL;
    options->files = (const char **)argv;
    int only_files = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (only_files || word[0] != '-' || word[1] == '\0') {
            /* files are gathered in the places of arguments that were read */
            options->files[options->file_count++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_files = 1;
            continue;
        }
        if (set_flag(options, word))
            continue;
        int known;
        int code = set_value(options, word, i + 1 < argc ? argv[i + 1] : NULL, &known);
        if (code != CX_EXIT_OK)
            return code;
        if (!known)
            return refuse("there is no option ", word);
        i++;
    }
    return CX_EXIT_OK;
}
