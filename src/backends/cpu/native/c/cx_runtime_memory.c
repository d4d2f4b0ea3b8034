/*
 * Memory over mmap where there is one; elsewhere over malloc and fread, with the same contents.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#elif !defined(_POSIX_C_SOURCE) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif
#define _FILE_OFFSET_BITS 64

#include "cx_runtime_memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cx_status cx_fail(cx_failure *failure, cx_status status, const char *format, ...)
{
    if (failure->status != CX_OK)
        return failure->status;
    failure->status = status;
    if (failure->message != NULL && failure->message_bytes > 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure->message, failure->message_bytes, format, arguments);
        va_end(arguments);
    }
    return status;
}

#define MIB(bytes) ((unsigned long long)(((bytes) + 1048575u) >> 20))

static cx_status wrong_size(cx_failure *failure, const char *path, unsigned long long found, const cx_program *program)
{
    return cx_fail(failure, CX_PARAMETERS_SIZE, "%s has %llu bytes, the program needs %llu: it belongs to another program or was cut off",
                   path, found, (unsigned long long)program->parameter_bytes);
}

#if (defined(__unix__) || defined(__APPLE__)) && !defined(CX_NO_MMAP)

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if !defined(MAP_ANONYMOUS)
#define MAP_ANONYMOUS MAP_ANON
#endif
#if !defined(MAP_NORESERVE)
#define MAP_NORESERVE 0
#endif

/* Smaller parameters are copied: a mapping costs two system calls and a page fault. */
#define MAP_FROM 65536u

static uint8_t *reserve(uint64_t bytes)
{
    if (bytes > SIZE_MAX)
        return NULL;
    void *at = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static cx_status open_file(cx_memory *memory, const cx_program *program, const char *path, cx_failure *failure)
{
    memory->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (memory->descriptor < 0 || fstat(memory->descriptor, &facts) != 0)
        return cx_fail(failure, CX_PARAMETERS_UNREADABLE, "%s cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return cx_fail(failure, CX_PARAMETERS_UNREADABLE, "%s is not a regular file", path);
    if ((uint64_t)facts.st_size != program->parameter_bytes)
        return wrong_size(failure, path, (unsigned long long)facts.st_size, program);
    uint64_t bytes = program->parameter_bytes + CX_FILE_SLACK;
    uint8_t *at = reserve(bytes);
    if (at == NULL)
        return cx_fail(failure, CX_NO_MEMORY, "the system gives no %llu MiB of address space for %s", MIB(bytes), path);
    memory->file = at;
    memory->file_bytes = bytes;
    if (mmap(at, (size_t)program->parameter_bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, memory->descriptor, 0) == MAP_FAILED)
        return cx_fail(failure, CX_PARAMETERS_UNREADABLE, "%s cannot be mapped: %s", path, strerror(errno));
    return CX_OK;
}

cx_status cx_memory_open(cx_memory *memory, const cx_program *program, const char *path, cx_failure *failure)
{
    memset(memory, 0, sizeof *memory);
    memory->descriptor = -1;
    memory->linear = reserve(program->memory_bytes);
    if (memory->linear == NULL)
        return cx_fail(failure, CX_NO_MEMORY, "the system gives no %llu MiB of memory", MIB(program->memory_bytes));
    memory->linear_bytes = program->memory_bytes;
    return program->parameter_bytes == 0 ? CX_OK : open_file(memory, program, path, failure);
}

cx_status cx_memory_place(cx_memory *memory, const cx_parameter *parameter, cx_failure *failure)
{
    uint8_t *to = memory->linear + parameter->address;
    const uint8_t *from = memory->file + parameter->offset;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    /* only whole pages are mapped: what shares the last page belongs to others */
    uint64_t whole = 0;
    if (parameter->bytes >= MAP_FROM && parameter->address % page == 0 && parameter->offset % page == 0)
        whole = parameter->bytes / page * page;
    if (whole > 0 && mmap(to, (size_t)whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, memory->descriptor,
                          (off_t)parameter->offset) == MAP_FAILED)
        return cx_fail(failure, CX_NO_MEMORY, "%llu MiB of parameters cannot be mapped: %s", MIB(whole), strerror(errno));
    memcpy(to + whole, from + whole, (size_t)(parameter->bytes - whole));
    return CX_OK;
}

void cx_memory_close(cx_memory *memory)
{
    if (memory->linear != NULL)
        munmap(memory->linear, (size_t)memory->linear_bytes);
    if (memory->file != NULL)
        munmap((void *)(uintptr_t)memory->file, (size_t)memory->file_bytes);
    if (memory->descriptor >= 0)
        close(memory->descriptor);
    memset(memory, 0, sizeof *memory);
    memory->descriptor = -1;
}

#else

#define ALIGNMENT 4096u

/* The pointer that malloc gave lies just before the aligned block. */
static uint8_t *get_zeroed(uint64_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT - sizeof(void *))
        return NULL;
    uint8_t *base = calloc(1, (size_t)bytes + ALIGNMENT + sizeof(void *));
    if (base == NULL)
        return NULL;
    uintptr_t at = ((uintptr_t)base + sizeof(void *) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memcpy((uint8_t *)at - sizeof(void *), &base, sizeof base);
    return (uint8_t *)at;
}

static void give_back(const uint8_t *at)
{
    if (at == NULL)
        return;
    void *base;
    memcpy(&base, at - sizeof(void *), sizeof base);
    free(base);
}

static cx_status read_file(cx_memory *memory, const cx_program *program, const char *path, cx_failure *failure)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return cx_fail(failure, CX_PARAMETERS_UNREADABLE, "%s cannot be opened: %s", path, strerror(errno));
    uint64_t bytes = program->parameter_bytes + CX_FILE_SLACK;
    uint8_t *at = get_zeroed(bytes);
    if (at == NULL) {
        fclose(file);
        return cx_fail(failure, CX_NO_MEMORY, "the system gives no %llu MiB of memory for %s", MIB(bytes), path);
    }
    memory->file = at;
    memory->file_bytes = bytes;
    size_t got = fread(at, 1, (size_t)program->parameter_bytes, file);
    int longer = got == program->parameter_bytes && fgetc(file) != EOF;
    fclose(file);
    return got < program->parameter_bytes || longer ? wrong_size(failure, path, (unsigned long long)got + (longer ? 1 : 0), program) : CX_OK;
}

cx_status cx_memory_open(cx_memory *memory, const cx_program *program, const char *path, cx_failure *failure)
{
    memset(memory, 0, sizeof *memory);
    memory->descriptor = -1;
    memory->linear = get_zeroed(program->memory_bytes);
    if (memory->linear == NULL)
        return cx_fail(failure, CX_NO_MEMORY, "the system gives no %llu MiB of memory", MIB(program->memory_bytes));
    memory->linear_bytes = program->memory_bytes;
    return program->parameter_bytes == 0 ? CX_OK : read_file(memory, program, path, failure);
}

cx_status cx_memory_place(cx_memory *memory, const cx_parameter *parameter, cx_failure *failure)
{
    (void)failure;
    memcpy(memory->linear + parameter->address, memory->file + parameter->offset, (size_t)parameter->bytes);
    return CX_OK;
}

void cx_memory_close(cx_memory *memory)
{
    give_back(memory->linear);
    give_back(memory->file);
    memset(memory, 0, sizeof *memory);
    memory->descriptor = -1;
}

#endif
