/*
 * Arrays in NumPy's .npy format, versions 1.0 to 3.0 (numpy.lib.format), little-endian and in C order.
 */
#ifndef CX_NPY_H
#define CX_NPY_H

#include "cx_runtime.h"

/**
 * Reads an array into `to`, which has room for the port's bytes. Type and shape have to be the port's.
 * @returns 0, or 1 after writing a sentence without the path to `message`
 */
int cx_npy_read(const char *path, const cx_port *port, void *to, char *message, size_t message_bytes);

/** Writes an array as NumPy 1.23 and later do, byte for byte. @returns 0, or 1 after writing a sentence to `message` */
int cx_npy_write(const char *path, const cx_port *port, const void *from, char *message, size_t message_bytes);

/** "i8 of shape (1, 3, 224, 224)" */
void cx_port_text(const cx_port *port, char *to, size_t bytes);

#endif
