/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table over names in wire format, in lower case. */

#include "config.h"

#include "zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define NAME_MAX_OCTETS 255
#define RDATA_MAX 60000
#define LINE_SIZE 65000
#define TOP 5

static const struct {
	const char	*text;
	uint16_t	 number;
} types[ZONE_TYPES] = {
	[ZONE_A] = { "A", 1 },
	[ZONE_AAAA] = { "AAAA", 28 },
	[ZONE_MX] = { "MX", 15 },
	[ZONE_PTR] = { "PTR", 12 },
	[ZONE_TXT] = { "TXT", 16 },
	[ZONE_SPF] = { "SPF", 99 },
	[ZONE_OTHER] = { "other", 0 },
};

static struct zone_name **table;
static size_t room;			/* a power of two */
static size_t used;

/* Names */

static size_t
hash_of(const uint8_t *wire, size_t len)
{
	uint64_t h = 1469598103934665603ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ wire[i]) * 1099511628211ULL;
	return (size_t)(h ^ h >> 29);
}

static size_t
slot_of(const uint8_t *wire, size_t len)
{
	size_t i = hash_of(wire, len) & (room - 1);

	while (table[i] != NULL && (table[i]->wire_len != len ||
	    memcmp(table[i]->wire, wire, len) != 0))
		i = (i + 1) & (room - 1);
	return i;
}

static void
grow(void)
{
	struct zone_name **old = table;
	size_t old_room = room;

	room = room == 0 ? 4096 : room * 2;
	table = xcalloc(room, sizeof(struct zone_name *));
	for (size_t i = 0; i < old_room; i++)
		if (old[i] != NULL)
			table[slot_of(old[i]->wire, old[i]->wire_len)] =
			    old[i];
	free(old);
}

static struct zone_name *
find_or_add(const uint8_t *wire, size_t len)
{
	if (used * 2 >= room)
		grow();
	size_t i = slot_of(wire, len);
	if (table[i] == NULL) {
		table[i] = xcalloc(1, sizeof(**table));
		table[i]->wire = xmemdup(wire, len);
		table[i]->wire_len = (uint8_t)len;
		used++;
	}
	return table[i];
}

struct zone_name *
zone_find(const uint8_t *wire, size_t max)
{
	uint8_t lower[NAME_MAX_OCTETS];
	size_t len = 0;
	size_t label = 1;

	for (; label != 0; len += label + 1) {
		if (len >= max || (label = wire[len]) > 63 ||
		    len + label + 1 > max ||
		    len + label + 1 > sizeof(lower))
			return NULL;
		lower[len] = (uint8_t)label;
		for (size_t i = 1; i <= label; i++)
			lower[len + i] = (uint8_t)util_lower(
			    (char)wire[len + i]);
		if (label == 0) {
			len++;
			break;
		}
	}
	return find_or_add(lower, len);
}

/* Octets of the name in wire format, or 0. */
static size_t
to_wire(uint8_t *out, const char *text)
{
	size_t len = 0;

	while (*text != '\0') {
		size_t label = strcspn(text, ".");
		if (label == 0 || label > 63 ||
		    len + label + 2 > NAME_MAX_OCTETS)
			return 0;
		out[len] = (uint8_t)label;
		for (size_t i = 0; i < label; i++)
			out[len + 1 + i] = (uint8_t)util_lower(text[i]);
		len += label + 1;
		text += label;
		if (*text == '.')
			text++;
	}
	out[len++] = 0;
	return len;
}

struct zone_name *
zone_find_text(const char *text)
{
	uint8_t wire[NAME_MAX_OCTETS];
	size_t len = to_wire(wire, text);

	return len > 0 ? find_or_add(wire, len) : NULL;
}

/* Records */

static size_t
txt_rdata(uint8_t *out, const char *text)
{
	size_t left = strlen(text);
	size_t len = 0;

	do {
		size_t piece = left < 255 ? left : 255;
		out[len++] = (uint8_t)piece;
		memcpy(out + len, text, piece);
		len += piece;
		text += piece;
		left -= piece;
	} while (left > 0);
	return len;
}

static size_t
mx_rdata(uint8_t *out, const char *text)
{
	char *end;
	unsigned long preference = strtoul(text, &end, 10);

	if (*end != ' ')
		return 0;
	out[0] = (uint8_t)(preference >> 8);
	out[1] = (uint8_t)preference;
	size_t len = to_wire(out + 2, end + 1);
	return len > 0 ? len + 2 : 0;
}

static size_t
rdata_of(enum zone_type type, uint8_t *out, const char *text)
{
	switch (type) {
	case ZONE_A:
		return inet_pton(AF_INET, text, out) == 1 ? 4 : 0;
	case ZONE_AAAA:
		return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
	case ZONE_MX:
		return mx_rdata(out, text);
	case ZONE_PTR:
		return to_wire(out, text);
	case ZONE_TXT:
		return txt_rdata(out, text);
	case ZONE_SPF:
	case ZONE_OTHER:
	case ZONE_TYPES:
		break;
	}
	return 0;
}

static bool
add_record(struct zone_name *n, const char *type, const char *value)
{
	static uint8_t rdata[LINE_SIZE + LINE_SIZE / 255];
	size_t len = 0;

	for (unsigned i = 0; i < ZONE_OTHER; i++) {
		if (strcmp(types[i].text, type) != 0)
			continue;
		len = rdata_of((enum zone_type)i, rdata, value);
		if (len == 0 || len > RDATA_MAX)
			return false;
		struct zone_record *r = xcalloc(1, sizeof(*r) + len);
		r->type = types[i].number;
		r->len = (uint16_t)len;
		memcpy(r->rdata, rdata, len);
		r->next = n->records;
		n->records = r;
	}
	return len > 0;
}

static bool
add_line(const char *name, const char *type, const char *value)
{
	struct zone_name *n = zone_find_text(name);

	if (n == NULL)
		return false;
	n->exists = true;
	if (strcmp(type, "DEAD") == 0)
		n->dead = true;
	else if (strcmp(type, "SERVFAIL") == 0)
		n->fails = true;
	else if (strcmp(type, "DELAY") == 0)
		n->delay_ms = (uint32_t)strtoul(value, NULL, 10);
	else
		return add_record(n, type, value);
	return true;
}

bool
zone_load(const char *path)
{
	static char line[LINE_SIZE];
	FILE *f = fopen(path, "r");
	unsigned number = 0;
	bool ok = f != NULL;

	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	while (ok && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		number++;
		char *type = strchr(line, ' ');
		char *value = type != NULL ? strchr(type + 1, ' ') : NULL;
		if (type != NULL)
			*type++ = '\0';
		if (value != NULL)
			*value++ = '\0';
		ok = type != NULL && add_line(line, type,
		    value != NULL ? value : "");
		if (!ok)
			fprintf(stderr, "%s:%u: bad line\n", path, number);
	}
	if (f != NULL)
		fclose(f);
	return ok;
}

/* Counts */

void
zone_count(struct zone_name *n, uint16_t type)
{
	unsigned i = 0;

	while (i < ZONE_OTHER && types[i].number != type)
		i++;
	n->asked[i]++;
}

void
zone_reset(void)
{
	for (size_t i = 0; i < room; i++)
		if (table[i] != NULL)
			memset(table[i]->asked, 0, sizeof(table[i]->asked));
}

static uint64_t
asked(const struct zone_name *n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ZONE_TYPES; i++)
		sum += n->asked[i];
	return sum;
}

static void
print_name(const struct zone_name *n, FILE *to)
{
	for (size_t i = 0; n->wire[i] != 0; i += n->wire[i] + 1U)
		for (size_t j = 1; j <= n->wire[i]; j++) {
			char c = (char)n->wire[i + j];
			bool plain = util_is_print(c) && c != '"' && c != '\\';
			fprintf(to, "%c%s", plain ? c : '?',
			    j == n->wire[i] ? "." : "");
		}
}

static void
print_top(const struct zone_name *const *top, FILE *to)
{
	fprintf(to, ", \"top\": {");
	for (unsigned i = 0; i < TOP && top[i] != NULL; i++) {
		fprintf(to, "%s\"", i > 0 ? ", " : "");
		print_name(top[i], to);
		fprintf(to, "\": %llu", (unsigned long long)asked(top[i]));
	}
	fprintf(to, "}");
}

static void
note_top(const struct zone_name **top, const struct zone_name *n)
{
	for (unsigned i = 0; i < TOP; i++) {
		if (top[i] != NULL && asked(top[i]) >= asked(n))
			continue;
		memmove(top + i + 1, top + i, (TOP - i - 1) * sizeof(*top));
		top[i] = n;
		return;
	}
}

void
zone_report(FILE *to)
{
	uint64_t by_type[ZONE_TYPES] = { 0 };
	uint64_t all = 0;
	uint64_t distinct = 0;
	const struct zone_name *top[TOP] = { NULL };

	for (size_t i = 0; i < room; i++) {
		if (table[i] == NULL || asked(table[i]) == 0)
			continue;
		note_top(top, table[i]);
		for (unsigned t = 0; t < ZONE_TYPES; t++) {
			by_type[t] += table[i]->asked[t];
			all += table[i]->asked[t];
			distinct += table[i]->asked[t] > 0;
		}
	}
	fprintf(to, "\"queries\": %llu, \"repeated\": %llu, \"by_type\": {",
	    (unsigned long long)all, (unsigned long long)(all - distinct));
	for (unsigned t = 0; t < ZONE_TYPES; t++)
		fprintf(to, "%s\"%s\": %llu", t > 0 ? ", " : "",
		    types[t].text, (unsigned long long)by_type[t]);
	fprintf(to, "}");
	print_top(top, to);
}
