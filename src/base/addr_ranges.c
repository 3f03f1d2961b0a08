/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of addresses as ranges in order.
 *
 * Each operation goes once through both sets and makes the new one in fresh
 * storage, which is as large as the number of ranges allows.
 */

#include "config.h"

#include "base/addr_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define BITS_MAX 128

void
addr_ranges_fini(struct addr_ranges *s)
{
	free(s->ranges);
	*s = (struct addr_ranges){ NULL, 0 };
}

static struct addr_ranges
room_for(size_t ranges)
{
	return (struct addr_ranges){
		.ranges = xcalloc(ranges + 1, sizeof(struct addr_range))
	};
}

/* r begins at or behind the last one of s, and becomes part of it if it can. */
static void
append(struct addr_ranges *s, const struct addr_range *r)
{
	struct addr_range *end = s->count == 0 ? NULL :
	    &s->ranges[s->count - 1];
	struct addr behind;

	if (end != NULL) {
		behind = end->last;
		if (!addr_next(&behind))
			return;		/* there is nothing behind it */
		if (addr_compare(&r->first, &behind) <= 0) {
			if (addr_compare(&r->last, &end->last) > 0)
				end->last = r->last;
			return;
		}
	}
	s->ranges[s->count++] = *r;
}

void
addr_ranges_join(struct addr_ranges *s, const struct addr_ranges *more)
{
	struct addr_ranges out = room_for(s->count + more->count);
	size_t i = 0;
	size_t j = 0;

	while (i < s->count || j < more->count) {
		if (j == more->count || (i < s->count && addr_compare(
		    &s->ranges[i].first, &more->ranges[j].first) <= 0))
			append(&out, &s->ranges[i++]);
		else
			append(&out, &more->ranges[j++]);
	}
	addr_ranges_fini(s);
	*s = out;
}

void
addr_ranges_add(struct addr_ranges *s, const struct addr_prefix *p)
{
	struct addr_prefix trimmed = *p;
	struct addr_range r;
	struct addr_ranges one = { &r, 1 };

	addr_prefix_trim(&trimmed);
	r.first = trimmed.addr;
	r.last = trimmed.addr;
	for (unsigned i = p->len; i < (r.last.family == AF_INET ? 32u :
	    BITS_MAX); i++)
		r.last.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	addr_ranges_join(s, &one);
}

/* The address before a, which is not the first. */
static struct addr
before(const struct addr *a)
{
	struct addr out = *a;

	for (size_t i = a->family == AF_INET ? 4 : 16; i > 0; i--) {
		if (out.bytes[i - 1]-- != 0)
			break;
	}
	return out;
}

/* What is left of r, appended to out; *j: the first of less that may matter. */
static void
append_rest(struct addr_ranges *out, struct addr_range r,
    const struct addr_ranges *less, size_t *j)
{
	while (*j < less->count &&
	    addr_compare(&less->ranges[*j].last, &r.first) < 0)
		++*j;
	for (size_t k = *j; k < less->count; k++) {
		const struct addr_range *cut = &less->ranges[k];

		if (addr_compare(&cut->first, &r.last) > 0)
			break;
		if (addr_compare(&cut->first, &r.first) > 0)
			out->ranges[out->count++] = (struct addr_range){
				r.first, before(&cut->first)
			};
		if (addr_compare(&cut->last, &r.last) >= 0)
			return;
		r.first = cut->last;
		(void)addr_next(&r.first);
	}
	out->ranges[out->count++] = r;
}

void
addr_ranges_subtract(struct addr_ranges *s, const struct addr_ranges *less)
{
	struct addr_ranges out = room_for(s->count + less->count);
	size_t j = 0;

	for (size_t i = 0; i < s->count; i++)
		append_rest(&out, s->ranges[i], less, &j);
	addr_ranges_fini(s);
	*s = out;
}

bool
addr_ranges_has(const struct addr_ranges *s, const struct addr *a)
{
	size_t low = 0;		/* ranges before it end before a */
	size_t high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&s->ranges[middle].last, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && addr_compare(&s->ranges[low].first, a) <= 0;
}

size_t
addr_ranges_prefixes(const struct addr_ranges *s, struct addr_prefix **out)
{
	size_t count = 0;
	size_t room = 0;

	*out = NULL;
	for (size_t i = 0; i < s->count; i++) {
		struct addr at = s->ranges[i].first;
		struct addr end;

		do {
			if (count == room) {
				room = 2 * room + 8;
				*out = xreallocarray(*out, room, sizeof(**out));
			}
			(*out)[count++] = addr_prefix_widest(&at,
			    &s->ranges[i].last, &end);
			at = end;
		} while (addr_compare(&end, &s->ranges[i].last) < 0 &&
		    addr_next(&at));
	}
	return count;
}

/* Decimal, the last digit first: twice the number and n. */
static void
double_and_add(uint8_t digits[ADDR_COUNT_SIZE], size_t n)
{
	for (size_t i = 0; i < ADDR_COUNT_SIZE; i++) {
		n += 2u * digits[i];
		digits[i] = (uint8_t)(n % 10);
		n /= 10;
	}
}

/* A prefix has two to the power of the bits behind it. */
const char *
addr_ranges_count(const struct addr_ranges *s, char buf[ADDR_COUNT_SIZE])
{
	size_t powers[BITS_MAX + 1] = { 0 };
	uint8_t digits[ADDR_COUNT_SIZE] = { 0 };
	size_t len = ADDR_COUNT_SIZE - 1;
	struct addr_prefix *p;
	size_t count = addr_ranges_prefixes(s, &p);

	for (size_t i = 0; i < count; i++)
		powers[(p[i].addr.family == AF_INET ? 32 : BITS_MAX) -
		    p[i].len]++;
	free(p);
	for (size_t i = BITS_MAX + 1; i > 0; i--)
		double_and_add(digits, powers[i - 1]);
	while (len > 1 && digits[len - 1] == 0)
		len--;
	for (size_t i = 0; i < len; i++)
		buf[i] = (char)('0' + digits[len - 1 - i]);
	buf[len] = '\0';
	return buf;
}
