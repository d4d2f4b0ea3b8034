/*
 * Reads the command line of the runner.
 */
#include "cxg_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_REPEATS 1000000
#define MOST_SECONDS 86400

void cxg_usage(const char *program)
{
    printf("usage: %s [options] INPUT.npy... -o FOLDER\n"
           "       %s [options] --check | --bench | --profile | --list\n\n"
           "Runs the compiled model on a GPU, on one .npy file for each of its inputs, in their order.\n\n"
           "  -o, --out FOLDER     writes each output to FOLDER/NAME.npy\n"
           "  --check              runs the vectors of the folder and compares every byte\n"
           "  --vectors FOLDER     where they lie (vectors)\n"
           "  --bench              times runs on random inputs\n"
           "  --repeat N           so many runs (200)\n"
           "  --profile            tells the time of every step\n"
           "  --json               the figures of --bench and --profile as one line of JSON\n"
           "  --list               inputs, outputs and the device\n"
           "  --device N           the device of that number (0)\n"
           "  --time-limit N       seconds that a run may take before it is given up (60)\n"
           "  --params FILE        the parameters (parameters.bin)\n"
           "  --suffix S           modules are the files program.S or program_0.S and so on (fatbin)\n"
           "  --driver LIBRARY     instead of the driver's; also by CORTEXC_CUDA_DRIVER, CORTEXC_HIP_DRIVER\n\n"
           "Exit codes: 0 ok, 1 other bytes than expected, 2 usage, 3 input, 4 the device or its driver.\n",
           program, program);
}

static int refuse(const char *what, const char *argument)
{
    fprintf(stderr, "error: %s%s\nremedy: --help lists the options\n", what, argument);
    return CXG_EXIT_USAGE;
}

static int *flag_of(cxg_options *o, const char *name)
{
    return strcmp(name, "--check") == 0                                  ? &o->check
           : strcmp(name, "--bench") == 0                                ? &o->bench
           : strcmp(name, "--profile") == 0                              ? &o->profile
           : strcmp(name, "--list") == 0                                 ? &o->list
           : strcmp(name, "--json") == 0                                 ? &o->json
           : strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ? &o->help
                                                                         : NULL;
}

static const char **text_of(cxg_options *o, const char *name)
{
    return strcmp(name, "-o") == 0 || strcmp(name, "--out") == 0 ? &o->out
           : strcmp(name, "--vectors") == 0                      ? &o->vectors
           : strcmp(name, "--params") == 0                       ? &o->open.parameters
           : strcmp(name, "--suffix") == 0                       ? &o->open.suffix
           : strcmp(name, "--driver") == 0                       ? &o->open.library
                                                                 : NULL;
}

/* A whole number from `least` to `most`. @returns an exit code */
static int read_number(const char *name, const char *text, long least, long most, long *value)
{
    char *end;
    *value = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *value < least || *value > most) {
        fprintf(stderr, "error: %s is a whole number from %ld to %ld, not \"%s\"\n", name, least, most, text);
        return CXG_EXIT_USAGE;
    }
    return CXG_EXIT_OK;
}

static int set_value(cxg_options *o, const char *name, const char *value)
{
    const char **text = text_of(o, name);
    const int is_repeat = strcmp(name, "--repeat") == 0, is_limit = strcmp(name, "--time-limit") == 0;
    long number;
    if (text == NULL && !is_repeat && !is_limit && strcmp(name, "--device") != 0)
        return refuse("there is no option ", name);
    if (value == NULL)
        return refuse("a value is missing behind ", name);
    if (text != NULL) {
        *text = value;
        return CXG_EXIT_OK;
    }
    const int code = read_number(name, value, is_repeat || is_limit ? 1 : 0,
                                 is_repeat  ? MOST_REPEATS
                                 : is_limit ? MOST_SECONDS
                                            : 1023,
                                 &number);
    if (code == CXG_EXIT_OK && is_repeat)
        o->repeat = (uint32_t)number;
    else if (code == CXG_EXIT_OK && is_limit)
        o->open.time_limit = (uint32_t)number;
    else if (code == CXG_EXIT_OK)
        o->open.device = (int)number;
    return code;
}

int cxg_options_read(int argc, char **argv, cxg_options *options)
{
    memset(options, 0, sizeof *options);
    options->open.parameters = "parameters.bin";
    options->open.suffix = "fatbin";
    options->open.time_limit = 60;
    options->vectors = "vectors";
    options->repeat = 200;
    options->files = (const char **)argv;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            /* files are gathered in the places of arguments that were read */
            options->files[options->file_count++] = word;
            continue;
        }
        int *flag = flag_of(options, word);
        if (flag != NULL) {
            *flag = 1;
            continue;
        }
        const int code = set_value(options, word, i + 1 < argc ? argv[i + 1] : NULL);
        if (code != CXG_EXIT_OK)
            return code;
        i++;
    }
    return CXG_EXIT_OK;
}
