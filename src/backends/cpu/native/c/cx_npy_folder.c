/*
 * Files of runners.
 */
#include "cx_npy_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int cx_npy_load(const char *path, const cx_port *port, void *to)
{
    char message[2048];
    if (cx_npy_read(path, port, to, message, sizeof message) == 0)
        return 0;
    fprintf(stderr, "error: %s: %s\n", path, message);
    return 1;
}

void cx_list_ports(const char *kind, const cx_port *ports, uint32_t count)
{
    char type[512];
    for (uint32_t i = 0; i < count; i++) {
        cx_port_text(&ports[i], type, sizeof type);
        printf("%s %s: %s\n", kind, ports[i].name, type);
    }
}

void cx_output_path(const char *folder, const cx_port *port, uint32_t index, char *to, size_t bytes)
{
    char name[128];
    size_t n = 0;
    for (const char *c = port->name; *c != '\0' && n + 1 < sizeof name; c++) {
        int fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' ||
                   (*c == '.' && n > 0);
        name[n++] = fine ? *c : '_';
    }
    name[n] = '\0';
    if (n == 0)
        snprintf(name, sizeof name, "output%" PRIu32, index);
    snprintf(to, bytes, "%s/%s.npy", folder, name);
}

int cx_each_vector(const char *folder, int (*check)(void *context, const char *vector), void *context, int most, cx_vector_counts *counts)
{
    char path[4096], line[1024];
    memset(counts, 0, sizeof *counts);
    snprintf(path, sizeof path, "%s/list.txt", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "error: %s cannot be opened: %s\nremedy: start the runner in its folder, or name the vectors with --vectors\n", path,
                strerror(errno));
        return 1;
    }
    while (counts->worst <= most && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0')
            continue;
        const int code = check(context, line);
        counts->all++;
        counts->same += code == 0;
        counts->worst = code > counts->worst ? code : counts->worst;
    }
    fclose(file);
    if (counts->all > 0)
        return 0;
    fprintf(stderr, "error: %s names no vector\n", path);
    return 1;
}
