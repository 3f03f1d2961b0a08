/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a secret key: 32 random octets that nobody else can read. */

#ifndef KEY_H
#define KEY_H

#include <stdint.h>

#define KEY_SIZE 32

/*
 * NULL: key is that of the file.  Else what is wrong, static text, good up to
 * the next call that fails in the same way: it cannot be read, is no plain
 * file of KEY_SIZE octets, or others than its owner may use it (mode 0440 is
 * good where owner and group are root: a credential of systemd).
 */
const char	*key_read(const char *path, uint8_t key[KEY_SIZE]);

/* Makes a file that is not there yet, mode 0600; NULL or what is wrong. */
const char	*key_make(const char *path);

#endif
