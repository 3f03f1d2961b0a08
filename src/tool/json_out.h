/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON as the tools print it: one object a line, ASCII. */

#ifndef JSON_OUT_H
#define JSON_OUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* The object of a line, which is begun by it; the rest is jansson's. */
json_t	*json_out_object(void);
/* Prints and frees it. */
void	 json_out_print(json_t *object, FILE *out);

/*
 * Any octets: a text that is not UTF-8 has each octet from 0x80 as \xNN in
 * the string, and its backslashes doubled.
 */
json_t	*json_out_text(const char *s);

/* Takes over value. */
void	 json_out_set(json_t *object, const char *key, json_t *value);
/* null for NULL; of found, for "" too. */
void	 json_out_set_text(json_t *object, const char *key, const char *text);
void	 json_out_set_found(json_t *object, const char *key,
	    const char *text);

/* Of an object that was read: borrowed; "" or 0 where there is none. */
const char *json_out_text_of(const json_t *object, const char *key);
int64_t	 json_out_number_of(const json_t *object, const char *key);

#endif
