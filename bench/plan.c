/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mail server waits for the replies that are due and for nothing else.
 * Commands of SMTP come one by one, so each is a write of its own; what
 * follows DATA comes at once, so steps without a reply there go with the next.
 */

#include "config.h"

#include "plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define OFFERED_VERSION 6
#define OFFERED_PROTOCOL 0x1fffff
#define LABELS_MAX 32

const unsigned char plan_offer[17] = {
	0, 0, 0, 13, 'O',
	0, 0, 0, OFFERED_VERSION,
	0, 0, 0x01, 0xff,
	0, OFFERED_PROTOCOL >> 16, 0xff, 0xff
};

enum stage { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA,
	STAGE_EOM, STAGE_EOH };

/* What Postfix sends where the filter does not ask for other macros. */
static const char *const default_symbols[PLAN_STAGES] = {
	[STAGE_CONNECT] = "j {daemon_name} {daemon_addr} v _",
	[STAGE_HELO] = "",
	[STAGE_MAIL] = "{mail_addr} {mail_host} {mail_mailer}",
	[STAGE_RCPT] = "{rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[STAGE_DATA] = "i",
	[STAGE_EOM] = "i",
	[STAGE_EOH] = "i",
};

static const struct {
	const char	*name;
	const char	*value;
} macro_values[] = {
	{ "j", "mx.example.org" },
	{ "{daemon_name}", "mx.example.org" },
	{ "{daemon_addr}", "192.0.2.25" },
	{ "v", "Postfix 3.7.11" },
	{ "_", "unknown [192.0.2.1]" },
	{ "i", "4QZ1xB2v7Cz1r9" },
	{ "{mail_mailer}", "smtp" },
	{ "{mail_host}", NULL },	/* of the sender */
	{ "{mail_addr}", NULL },
	{ "{rcpt_mailer}", "local" },
	{ "{rcpt_host}", "example.org" },
	{ "{rcpt_addr}", "postmaster@example.org" },
};

static const struct {
	char		 command;
	unsigned	 stage;
	uint32_t	 no;		/* the step is not wanted */
	uint32_t	 no_reply;
} steps[] = {
	{ 'C', STAGE_CONNECT, 0x1, 0x1000 },
	{ 'H', STAGE_HELO, 0x2, 0x2000 },
	{ 'M', STAGE_MAIL, 0x4, 0x4000 },
	{ 'R', STAGE_RCPT, 0x8, 0x8000 },
	{ 'T', STAGE_DATA, 0x200, 0x10000 },
	{ 'L', PLAN_STAGES, 0x20, 0x80 },
	{ 'N', STAGE_EOH, 0x40, 0x40000 },
	{ 'B', PLAN_STAGES, 0x10, 0x80000 },
	{ 'E', STAGE_EOM, 0, 0 },
};

static const char *const header[][2] = {
	{ "From", "Sender <sender@from.example>" },
	{ "To", "postmaster@example.org" },
	{ "Subject", "a message like any other" },
	{ "Date", "Thu, 01 Jan 2026 00:00:00 +0000" },
	{ "Message-ID", "<1@from.example>" },
};

static const char body[] = "One line of text.\r\n\r\nAnd another one.\r\n";

/* Senders */

static unsigned
label_of(struct senders *s, const char *text)
{
	for (unsigned i = 0; i < s->label_count; i++)
		if (strcmp(s->labels[i], text) == 0)
			return i;
	if (s->label_count == LABELS_MAX)
		return 0;
	s->labels[s->label_count] = xstrdup(text);
	return s->label_count++;
}

static bool
sender_read(struct senders *s, const char *line)
{
	char address[320];
	char client[64];
	char helo[256];
	char label[32];

	if (sscanf(line, "%319s %63s %255s %31s", address, client, helo,
	    label) != 4)
		return false;
	/* Doubled whenever the count reaches a power of two. */
	if ((s->count & (s->count - 1)) == 0)
		s->list = xreallocarray(s->list, s->count * 2 + 1,
		    sizeof(*s->list));
	s->list[s->count++] = (struct sender){
		.address = xstrdup(address),
		.client = xstrdup(client),
		.helo = xstrdup(helo),
		.label = label_of(s, label),
	};
	return true;
}

bool
senders_read(struct senders *out, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	bool ok = true;

	*out = (struct senders){ 0 };
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	out->labels = xcalloc(LABELS_MAX, sizeof(char *));
	while (ok && fgets(line, sizeof(line), f) != NULL)
		ok = sender_read(out, line);
	fclose(f);
	if (!ok || out->count == 0) {
		fprintf(stderr, "%s: bad line or none\n", path);
		return false;
	}
	return true;
}

/* Packets */

static void
add_size(struct sbuf *to, size_t size)
{
	uint32_t octets = htonl((uint32_t)size);

	sbuf_add(to, &octets, sizeof(octets));
}

static void
add_packet(struct sbuf *to, char command, const struct sbuf *data)
{
	add_size(to, data->len + 1);
	sbuf_char(to, command);
	sbuf_add(to, data->data, data->len);
}

static void
add_word(struct sbuf *to, const char *word)
{
	sbuf_add(to, word, strlen(word) + 1);
}

static bool
lists(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at++) {
		bool begins = at == list || at[-1] == ' ';
		if (begins && (at[len] == ' ' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* What Postfix has understood of the sender; "" for the null sender. */
static const char *
sender_value(const struct sender *s, const char *name)
{
	const char *at = strrchr(s->address, '@');

	if (at == NULL)
		return "";
	return strcmp(name, "{mail_host}") == 0 ? at + 1 : s->address;
}

/* s is NULL at stages that are the same for all senders. */
static void
add_macros(struct sbuf *to, const struct plan *p, char command,
    unsigned stage, const struct sender *s)
{
	char storage[1024];
	struct sbuf data;

	if (stage >= PLAN_STAGES)
		return;
	sbuf_init(&data, storage, sizeof(storage));
	sbuf_char(&data, command);
	for (size_t i = 0; i < sizeof(macro_values) / sizeof(*macro_values);
	    i++) {
		if (!lists(p->symbols[stage], macro_values[i].name))
			continue;
		const char *value = macro_values[i].value;
		if (value == NULL && s != NULL)
			value = sender_value(s, macro_values[i].name);
		if (value == NULL)
			continue;
		add_word(&data, macro_values[i].name);
		add_word(&data, value);
	}
	if (data.len > 1)
		add_packet(to, 'D', &data);
}

static struct piece
piece_of(const struct sbuf *text)
{
	return (struct piece){ xmemdup(text->data, text->len), text->len };
}

static void
add_connect(struct sbuf *to, const struct sender *s)
{
	char storage[200];
	struct sbuf data;
	uint16_t port = htons(40000);

	sbuf_init(&data, storage, sizeof(storage));
	sbuf_fmt(&data, "[%s]", s->client);
	sbuf_add(&data, "", 1);
	sbuf_char(&data, strchr(s->client, ':') != NULL ? '6' : '4');
	sbuf_add(&data, &port, sizeof(port));
	add_word(&data, s->client);
	add_packet(to, 'C', &data);
}

static void
add_text(struct sbuf *to, char command, const char *before,
    const char *text, const char *after)
{
	char storage[512];
	struct sbuf data;

	sbuf_init(&data, storage, sizeof(storage));
	sbuf_fmt(&data, "%s%s%s", before, text, after);
	sbuf_add(&data, "", 1);
	add_packet(to, command, &data);
}

static void
sender_render(const struct plan *p, struct sender *s)
{
	char storage[4096];
	struct sbuf text;
	bool bare = s->address[0] == '<';

	sbuf_init(&text, storage, sizeof(storage));
	add_macros(&text, p, 'C', STAGE_CONNECT, s);
	add_connect(&text, s);
	s->pieces[PIECE_CONNECT] = piece_of(&text);

	sbuf_init(&text, storage, sizeof(storage));
	add_macros(&text, p, 'H', STAGE_HELO, s);
	add_text(&text, 'H', "", s->helo, "");
	s->pieces[PIECE_HELO] = piece_of(&text);

	sbuf_init(&text, storage, sizeof(storage));
	add_macros(&text, p, 'M', STAGE_MAIL, s);
	add_text(&text, 'M', bare ? "" : "<", s->address, bare ? "" : ">");
	s->pieces[PIECE_MAIL] = piece_of(&text);
}

/* Plan */

static void
add_constant(struct sbuf *to, char command, size_t which)
{
	char storage[512];
	struct sbuf data;

	sbuf_init(&data, storage, sizeof(storage));
	if (command == 'R') {
		add_word(&data, "<postmaster@example.org>");
	} else if (command == 'L') {
		add_word(&data, header[which][0]);
		add_word(&data, header[which][1]);
	} else if (command == 'B') {
		sbuf_str(&data, body);
	}
	add_packet(to, command, &data);
}

/* text is what waits for the next write; it is empty afterwards, or waits. */
static void
finish_step(struct plan *p, char command, bool replied, struct sbuf *text)
{
	struct plan_step *s = &p->steps[p->count];

	if (!replied && command != 'R')
		return;
	struct piece all = piece_of(text);
	*s = (struct plan_step){ .command = command, .replied = replied,
		.data = all.data, .len = all.len };
	p->count++;
	text->len = 0;
}

static void
add_step(struct plan *p, size_t which, struct sbuf *text)
{
	char command = steps[which].command;
	bool replied = (p->protocol & steps[which].no_reply) == 0;
	size_t times = 1;

	if ((p->protocol & steps[which].no) != 0)
		return;
	if (which < PIECE_COUNT) {
		p->steps[p->count++] = (struct plan_step){
			.command = command, .replied = replied,
			.of_sender = true, .kind = (enum piece_kind)which };
		return;
	}
	if (command == 'L')
		times = sizeof(header) / sizeof(*header);
	for (size_t i = 0; i < times; i++) {
		add_macros(text, p, command, steps[which].stage, NULL);
		add_constant(text, command, i);
		finish_step(p, command, replied, text);
	}
}

/* Lists of macros: the stage in four octets, the names, NUL. */
static bool
read_symbols(struct plan *p, const unsigned char *data, size_t len)
{
	for (unsigned i = 0; i < PLAN_STAGES; i++)
		util_copy(p->symbols[i], PLAN_SYMBOLS_SIZE,
		    default_symbols[i]);
	while (len > 4) {
		const unsigned char *end = memchr(data + 4, '\0', len - 4);
		if (end == NULL || data[3] >= PLAN_STAGES)
			return false;
		util_copy(p->symbols[data[3]], PLAN_SYMBOLS_SIZE,
		    (const char *)data + 4);
		len -= (size_t)(end + 1 - data);
		data = end + 1;
	}
	return true;
}

bool
plan_init(struct plan *p, const unsigned char *data, size_t len,
    struct senders *s)
{
	char storage[4096];
	struct sbuf text;
	uint32_t protocol;

	*p = (struct plan){ 0 };
	if (len < 12 || !read_symbols(p, data + 12, len - 12))
		return false;
	memcpy(&protocol, data + 8, sizeof(protocol));
	p->protocol = ntohl(protocol);
	sbuf_init(&text, storage, sizeof(storage));
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		add_step(p, i, &text);
	for (size_t i = 0; i < s->count; i++)
		sender_render(p, &s->list[i]);
	return !text.overflow;
}
