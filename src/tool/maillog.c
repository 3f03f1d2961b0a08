/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of a Postfix or sendmail as the messages that came. */

/*
 * Both write lines "QUEUEID: key=value, ..." about a message, spread over the
 * time that it takes: the client and the sender when it comes, a line for each
 * recipient when it is delivered or given up, which is what we tell.  What was
 * refused is one line of Postfix.  HELO is in that one alone, and in the line
 * that we log ourselves.
 */

#include "config.h"

#include "tool/maillog.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/util.h"

#define LINE_SIZE 4096		/* the rest of a line is dropped */
#define ID_SIZE 32
#define NAME_SIZE 64
#define SETS 1024
#define WAYS 4			/* messages of a set: the oldest gives way */

struct message {
	char		 id[ID_SIZE];	/* "": none */
	uint64_t	 stamp;
	char		*client;
	char		*name;
	char		*helo;
	char		*sender;
	char		*refused;	/* a recipient; NULL: none */
	bool		 authenticated;
	bool		 told;
};

enum form {
	FORM_UNKNOWN,		/* nothing has come */
	FORM_LINES,
	FORM_EXPORT,		/* journalctl: a line a field */
	FORM_LENGTH,		/* of a value with any octets */
	FORM_VALUE
};

struct maillog {
	void		(*found)(void *arg, const struct maillog_entry *e);
	void		*arg;
	enum form	 form;
	char		 line[LINE_SIZE];
	size_t		 len;
	uint64_t	 left;		/* of a value, or its length's octets */
	uint64_t	 size;
	char		 program[NAME_SIZE];	/* of an entry of the journal */
	char		 text[LINE_SIZE];
	uint64_t	 lines;
	uint64_t	 stamp;
	struct message	 messages[SETS][WAYS];
};

/* Messages. */

static void
tell(struct maillog *m, struct message *g, const char *rcpt)
{
	const struct maillog_entry e = {
		.client = g->client,
		.name = g->name,
		.helo = g->helo,
		.sender = g->sender,
		.rcpt = rcpt,
		.authenticated = g->authenticated,
		.first = !g->told,
	};

	if (g->client == NULL || g->sender == NULL)
		return;
	g->told = true;
	m->found(m->arg, &e);
}

/* It has ended, or nothing more is remembered of it. */
static void
forget(struct maillog *m, struct message *g)
{
	if (g->id[0] == '\0')
		return;
	if (!g->told)
		tell(m, g, g->refused);
	free(g->client);
	free(g->name);
	free(g->helo);
	free(g->sender);
	free(g->refused);
	memset(g, 0, sizeof(*g));
}

static struct message *
message(struct maillog *m, const char *id)
{
	struct message *set = m->messages[hash_quick(id, strlen(id)) % SETS];
	struct message *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (strcmp(set[i].id, id) == 0)
			return &set[i];
		if (set[i].stamp < oldest->stamp)
			oldest = &set[i];
	}
	forget(m, oldest);
	util_copy(oldest->id, sizeof(oldest->id), id);
	oldest->stamp = ++m->stamp;
	return oldest;
}

static void
set_text(char **field, const char *value)
{
	if (value == NULL)
		return;
	free(*field);
	*field = xstrdup(value);
}

/* Values; a line is taken apart in place. */

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Behind key, which begins the text or stands behind a blank; or NULL. */
static char *
find(char *s, const char *key)
{
	for (char *at = strstr(s, key); at != NULL; at = strstr(at + 1, key)) {
		if (at == s || at[-1] == ' ')
			return at + strlen(key);
	}
	return NULL;
}

/* Ends the value at s, which a ">" ends that nothing of it follows. */
static char *
take_path(char *s)
{
	if (s == NULL)
		return NULL;
	for (char *end = strchr(s, '>'); end != NULL;
	    end = strchr(end + 1, '>')) {
		if (end[1] != '\0' && strchr(", ;", end[1]) == NULL)
			continue;
		*end = '\0';
		return s;
	}
	return NULL;
}

/* "name[address]", "name [address]"; without an address nothing is set. */
static void
set_client(struct message *g, char *host)
{
	char text[ADDR_TEXT_SIZE];
	struct addr a;
	char *open = strchr(host, '[');
	char *close = open != NULL ? strchr(open, ']') : NULL;

	if (close == NULL)
		return;
	*open++ = *close = '\0';
	if (begins(open, "IPv6:"))
		open += strlen("IPv6:");
	if (!addr_parse(&a, open))
		return;
	set_text(&g->client, addr_format(&a, text));
	host[strcspn(host, " ")] = '\0';
	if (host[0] != '\0' && strcmp(host, "unknown") != 0)
		set_text(&g->name, host);
}

/* What the lines say. */

/* Of Postfix: client=name[address], sasl_method=..., sasl_username=... */
static void
see_client(struct maillog *m, const char *id, char *rest)
{
	struct message *g = message(m, id);

	if (g->client != NULL) {	/* the queue id is used again */
		forget(m, g);
		g = message(m, id);
	}
	g->authenticated = find(rest, "sasl_username=") != NULL;
	set_client(g, rest);
}

/* Of both; that of sendmail has the client, too. */
static void
see_sender(struct maillog *m, const char *id, char *rest)
{
	char *relay = find(rest, "relay=");
	struct message *g = message(m, id);

	if (relay != NULL && g->sender != NULL) {
		forget(m, g);
		g = message(m, id);
	}
	if (relay != NULL)
		set_client(g, relay);
	set_text(&g->sender, take_path(rest + strlen("from=<")));
}

/*
 * A recipient who will be tried again is told later.  Behind the status stands
 * what another server has said.
 */
static void
see_rcpt(struct maillog *m, const char *id, char *rest)
{
	char *status = find(rest, "status=");

	if (status == NULL)
		status = find(rest, "stat=");
	if (status == NULL || begins(status, "deferred") ||
	    begins(status, "Deferred"))
		return;
	*status = '\0';
	char *orig = find(rest, "orig_to=<");
	char *rcpt = take_path(orig != NULL ? orig : rest + strlen("to=<"));
	if (rcpt != NULL)
		tell(m, message(m, id), rcpt);
}

/* "reject: RCPT from name[address]: ...; from=<> to=<> proto= helo=<>" */
static void
see_rejected(struct maillog *m, char *rest)
{
	struct message g = { .id = "NOQUEUE" };
	char *host = strstr(rest, " from ");
	char *from = strstr(rest, "; from=<");

	for (char *next = from; next != NULL;
	    next = strstr(next + 1, "; from=<"))
		from = next;
	if (host == NULL || from == NULL || host > from)
		return;
	*from = '\0';
	from += strlen("; ");
	char *helo = take_path(find(from, "helo=<"));
	char *rcpt = take_path(find(from, "to=<"));

	set_client(&g, host + strlen(" from "));
	set_text(&g.helo, helo);
	set_text(&g.sender, take_path(from + strlen("from=<")));
	set_text(&g.refused, rcpt);
	forget(m, &g);
}

/* Of ours: "queue_id=ID ... helo=NAME ...". */
static void
see_ours(struct maillog *m, char *text)
{
	char *helo = find(text, "helo=");
	char *id = text + strlen("queue_id=");

	if (!begins(text, "queue_id=") || helo == NULL || *helo == '"')
		return;
	helo[strcspn(helo, " ")] = '\0';
	id[strcspn(id, " ")] = '\0';
	if (strlen(id) > 1 && strlen(id) < ID_SIZE)
		set_text(&message(m, id)->helo, helo);
}

static bool
is_mta(const char *program)
{
	return strchr(program, '/') != NULL || begins(program, "sm-mta") ||
	    begins(program, "sendmail");
}

static void
see_text(struct maillog *m, const char *program, char *text)
{
	size_t len = strcspn(text, " :");
	char *id = text;
	char *rest = text + len + 2;

	if (strcmp(program, "spf-milter") == 0) {
		see_ours(m, text);
		return;
	}
	if (!is_mta(program) || len < 2 || len >= ID_SIZE ||
	    text[len] != ':' || text[len + 1] != ' ')
		return;
	id[len] = '\0';
	if (begins(rest, "client="))
		see_client(m, id, rest + strlen("client="));
	else if (begins(rest, "from=<"))
		see_sender(m, id, rest);
	else if (begins(rest, "to=<"))
		see_rcpt(m, id, rest);
	else if (begins(rest, "Milter: to=<"))
		set_text(&message(m, id)->refused,
		    take_path(rest + strlen("Milter: to=<")));
	else if (begins(rest, "reject: ") || begins(rest, "milter-reject: "))
		see_rejected(m, rest);
	else if (strcmp(rest, "removed") == 0)
		forget(m, message(m, id));
}

/* Lines. */

/* Behind n words and the blanks after them; NULL: there are less. */
static char *
skip_words(char *s, unsigned n)
{
	for (; n > 0 && s != NULL; n--) {
		s = strchr(s, ' ');
		s = s != NULL ? s + strspn(s, " ") : NULL;
	}
	return s;
}

/* "PROGRAM[123]: text" */
static bool
see_tagged(struct maillog *m, char *tag)
{
	size_t len = strcspn(tag, "[: ");
	char *end = tag + len;

	if (*end == '[')
		end += strcspn(end, "]:") + 1;
	if (len == 0 || len >= NAME_SIZE || end[0] != ':' || end[1] != ' ')
		return false;
	tag[len] = '\0';
	see_text(m, tag, end + 2);
	return true;
}

/* Behind the date: HOST PROCESS PID MSGID DATA TEXT */
static void
see_rfc5424(struct maillog *m, char *host)
{
	char *program = skip_words(host, 1);
	char *data = skip_words(host, 4);

	if (data == NULL)
		return;
	while (*data == '[') {
		char *end = strchr(data, ']');
		while (end != NULL && end[-1] == '\\')
			end = strchr(end + 1, ']');
		if (end == NULL)
			return;
		data = end + 1;
	}
	char *text = skip_words(data, 1);
	if (text == NULL)
		return;
	if (begins(text, "\xef\xbb\xbf"))
		text += 3;
	program[strcspn(program, " ")] = '\0';
	see_text(m, program, text);
}

static void
see_line(struct maillog *m, char *s)
{
	if (*s == '<') {
		s += strcspn(s, ">");
		s += *s == '>';
		if (begins(s, "1 ")) {
			char *host = skip_words(s, 2);
			if (host != NULL)
				see_rfc5424(m, host);
			return;
		}
	}
	/* "Nov  6 12:00:00 " or "2026-11-06T12:00:00+09:00 " */
	s = skip_words(s, util_is_digit(*s) ? 1 : 3);
	if (s != NULL && !see_tagged(m, s)) {
		s = skip_words(s, 1);
		if (s != NULL)
			see_tagged(m, s);
	}
}

/* A field of the journal, or the end of an entry. */
static void
see_field(struct maillog *m, const char *line)
{
	static const char program[] = "SYSLOG_IDENTIFIER=";
	static const char text[] = "MESSAGE=";

	if (line[0] == '\0') {
		m->lines++;
		see_text(m, m->program, m->text);
		m->program[0] = m->text[0] = '\0';
	} else if (begins(line, program)) {
		if (!util_copy(m->program, sizeof(m->program),
		    line + strlen(program)))
			m->program[0] = '\0';
	} else if (begins(line, text)) {
		util_copy(m->text, sizeof(m->text), line + strlen(text));
	}
}

static void
end_line(struct maillog *m)
{
	bool named;

	while (m->len > 0 && m->line[m->len - 1] == '\r')
		m->len--;
	m->line[m->len] = '\0';
	named = m->len > 0 && strchr(m->line, '=') == NULL;
	if (m->form == FORM_UNKNOWN)
		m->form = begins(m->line, "__CURSOR=") ? FORM_EXPORT
		    : FORM_LINES;
	if (m->form == FORM_EXPORT && named) {
		m->form = FORM_LENGTH;	/* the name stays in line */
		m->left = 8;
		m->size = 0;
		return;
	}
	if (m->form == FORM_EXPORT) {
		see_field(m, m->line);
	} else {
		m->lines++;
		see_line(m, m->line);
	}
	m->len = 0;
}

static void
add(struct maillog *m, char c)
{
	if (m->len + 1 < sizeof(m->line))
		m->line[m->len++] = c;
}

/* An octet of a length, of the least weight first, or of the value. */
static void
add_binary(struct maillog *m, unsigned char c)
{
	if (m->form == FORM_LENGTH) {
		m->size |= (uint64_t)c << (8 * (8 - m->left));
		if (--m->left > 0)
			return;
		m->form = FORM_VALUE;
		m->left = m->size;
		add(m, '=');
	} else if (m->left > 0) {
		m->left--;
		add(m, c == '\n' || c == '\0' ? ' ' : (char)c);
	} else {			/* the newline behind it */
		m->form = FORM_EXPORT;
		end_line(m);
	}
}

void
maillog_feed(struct maillog *m, const char *octets, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = octets[i];
		if (m->form == FORM_LENGTH || m->form == FORM_VALUE)
			add_binary(m, (unsigned char)c);
		else if (c == '\n')
			end_line(m);
		else
			add(m, c == '\0' ? ' ' : c);
	}
}

void
maillog_finish(struct maillog *m)
{
	if (m->len > 0 && m->form != FORM_LENGTH && m->form != FORM_VALUE)
		end_line(m);
	if (m->text[0] != '\0')
		see_field(m, "");
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			forget(m, &m->messages[i][j]);
}

struct maillog *
maillog_new(void (*found)(void *arg, const struct maillog_entry *e), void *arg)
{
	struct maillog *m = xcalloc(1, sizeof(*m));

	m->found = found;
	m->arg = arg;
	return m;
}

void
maillog_free(struct maillog *m)
{
	for (size_t i = 0; m != NULL && i < SETS; i++) {
		for (size_t j = 0; j < WAYS; j++) {
			m->messages[i][j].told = true;
			forget(m, &m->messages[i][j]);
		}
	}
	free(m);
}

uint64_t
maillog_lines(const struct maillog *m)
{
	return m->lines;
}
