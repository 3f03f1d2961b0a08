/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers that are the same in every run. */

#ifndef DICE_H
#define DICE_H

#include <stdint.h>

/* Below n; *state is what the last one left, at first any number. */
static inline uint32_t
dice(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % n;
}

#endif
