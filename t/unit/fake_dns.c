/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "fake_dns.h"

static _Atomic int64_t advanced_ms;

static int64_t
fake_now_ms(void)
{
	return util_now_ms() + advanced_ms;
}

static void
fake_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct fake_dns *f = (struct fake_dns *)b;

	lock_acquire(&f->lock);
	bool hold = f->held != NULL &&
	    strncmp(name, f->held, strlen(f->held)) == 0;
	if (hold) {
		struct fake_question *q = xcalloc(1, sizeof(*q));

		*q = (struct fake_question){
			.next = f->open, .type = type, .done = done, .arg = arg
		};
		util_copy(q->name, sizeof(q->name), name);
		f->open = q;
	}
	f->asked++;		/* last: who has seen it may answer */
	lock_release(&f->lock);
	if (!hold)
		f->zone->ops->start(f->zone, name, type, done, arg);
}

static void
fake_free(struct dns_backend *b)
{
	struct fake_dns *f = (struct fake_dns *)b;

	fake_dns_answer_all(f);
	f->zone->ops->free(f->zone);
	lock_fini(&f->lock);
}

/* What the timeout is, so that fake_dns_advance changes nothing. */
static bool
fake_configure(struct dns_backend *b, const struct dns_options *o,
    struct diag *d)
{
	struct fake_dns *f = (struct fake_dns *)b;

	(void)d;
	f->options.query_timeout_ms = o->query_timeout_ms;
	return true;
}

struct dns_backend *
fake_zone_new(const char *text, struct diag *d)
{
	char *copy = xstrdup(text);
	struct dns_backend *b = dns_zone_new("zone text", copy, d);

	free(copy);
	return b;
}

static struct dns_backend *
zone_of(const char *text)
{
	struct diag d;

	diag_init(&d);
	struct dns_backend *zone = fake_zone_new(text != NULL ? text : "", &d);
	assert(zone != NULL);
	diag_fini(&d);
	return zone;
}

struct dns *
fake_dns_open(struct fake_dns *f, const char *zone,
    const struct dns_options *o)
{
	static const struct dns_backend_ops ops = {
		.start = fake_start, .free = fake_free,
		.configure = fake_configure
	};

	f->backend.ops = &ops;
	f->zone = zone_of(zone);
	advanced_ms = 0;
	f->backend.no_server = false;
	f->asked = 0;
	f->held = NULL;
	f->open = NULL;
	lock_init(&f->lock);
	f->options = *o;
	f->options.now_ms = fake_now_ms;
	f->dns = dns_new_backend(&f->backend, &f->options);
	assert(f->dns != NULL);
	return f->dns;
}

void
fake_dns_set_zone(struct fake_dns *f, const char *zone)
{
	f->zone->ops->free(f->zone);
	f->zone = zone_of(zone);
}

void
fake_dns_hold(struct fake_dns *f, const char *prefix)
{
	lock_acquire(&f->lock);
	f->held = prefix;
	lock_release(&f->lock);
}

struct fake_question *
fake_dns_take(struct fake_dns *f, const char *name)
{
	lock_acquire(&f->lock);
	struct fake_question **link = &f->open;
	while (*link != NULL && name != NULL &&
	    strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	struct fake_question *q = *link;
	if (q != NULL)
		*link = q->next;
	lock_release(&f->lock);
	return q;
}

void
fake_question_answer(struct fake_question *q, struct dns_answer *a)
{
	q->done(q->arg, a);
	free(q);
}

bool
fake_dns_answer(struct fake_dns *f, const char *name, struct dns_answer *a)
{
	struct fake_question *q = fake_dns_take(f, name);

	if (q == NULL)
		dns_answer_release(a);
	else
		fake_question_answer(q, a);
	return q != NULL;
}

unsigned
fake_dns_answer_all(struct fake_dns *f)
{
	struct fake_question *q;
	unsigned n = 0;

	while ((q = fake_dns_take(f, NULL)) != NULL) {
		f->zone->ops->start(f->zone, q->name, q->type, q->done,
		    q->arg);
		free(q);
		n++;
	}
	return n;
}

struct dns_answer *
fake_txt(const char *text, uint32_t ttl)
{
	uint8_t wire[65535];
	size_t len = strlen(text);
	size_t n = 0;
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, ttl);

	do {			/* strings of 255 octets */
		size_t piece = len > 255 ? 255 : len;
		wire[n++] = (uint8_t)piece;
		memcpy(wire + n, text, piece);
		n += piece;
		text += piece;
		len -= piece;
	} while (len > 0);
	dns_answer_add(a, wire, n);
	dns_answer_finish(a);
	return a;
}

void
fake_dns_advance(struct fake_dns *f, int64_t ms)
{
	advanced_ms += ms;
	/* Has the threads look at the clock. */
	dns_configure(f->dns, &f->options, NULL);
}

struct sleeper {
	struct lock	lock;
	struct cond	cond;
	bool		woken;		/* lock */
};

static void
sleeper_wake(void *arg)
{
	struct sleeper *s = arg;

	lock_acquire(&s->lock);
	s->woken = true;
	cond_signal(&s->cond);
	lock_release(&s->lock);
}

void
fake_dns_wait(struct dns_view *v)
{
	struct sleeper s = { .woken = false };

	lock_init(&s.lock);
	cond_init(&s.cond);
	if (!dns_view_fetch(v, sleeper_wake, &s)) {
		lock_acquire(&s.lock);
		while (!s.woken)
			cond_wait(&s.cond, &s.lock);
		lock_release(&s.lock);
		dns_view_cancel(v);	/* wake has returned */
	}
	cond_fini(&s.cond);
	lock_fini(&s.lock);
}
