/* SPDX-License-Identifier: BSD-2-Clause */
/* spf-milter -t --replay: the messages of a mail log, judged now. */

/*
 * The log is read in parts of BATCH_MAX different messages, each of which is
 * played before the next is read: so memory is bounded, and what comes again
 * within a part is played once.  Many sessions are under way, each with the
 * DNS of its own, and are ended in the order in which they were begun.
 *
 * Messages are numbered as they are played, so where a run goes on from a
 * state it counts over those that are done, and a digest of them tells
 * whether they are the same.
 */

#include "config.h"

#include "tool/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "eval/eval.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "policy/rules.h"
#include "tool/logfile.h"
#include "tool/maillog.h"
#include "tool/replay_priv.h"

#define BATCH_MAX ((size_t)150000)
#define TABLE_SIZE ((size_t)1 << 18)	/* of a batch, never full */
#define IN_FLIGHT 256
#define CLIENT_PORT 1025	/* as those of remote MTAs */
#define SAVE_MS 2000
#define PROGRESS_MS 500

/* A message, and how often it came. */
struct played {
	char		*text;		/* that the entry points to */
	size_t		 len;
	struct maillog_entry entry;
	uint64_t	 messages;
};

/* One under way, by one configuration or two. */
struct flying {
	const struct played *of;
	struct session	*sessions[2];
	bool		 ended[2];
};

struct run {
	const struct replay_request *q;
	const struct session_env *env;
	FILE		*out;
	struct logfile	*log;
	struct maillog	*parser;
	struct replay_totals *totals;
	char		*about;		/* what the state is of */
	bool		 by_rcpt;	/* rules look at it */
	struct hash_key	 key;
	struct played	*batch;
	size_t		 count;
	uint32_t	*table;		/* index of batch + 1; 0: free */
	struct flying	 flying[IN_FLIGHT];
	size_t		 first;		/* of flying */
	size_t		 under_way;
	uint64_t	 number;	/* of messages seen, that differ */
	uint64_t	 digest;	/* of them */
	uint64_t	 resumed;	/* those done before */
	uint64_t	 resumed_digest;
	double		 share;		/* of the log that is played */
	double		 share_read;
	int64_t		 start_ms;
	int64_t		 saved_ms;
	int64_t		 shown_ms;
	int		 status;
};

/* Sessions. */

static const struct conf *
conf_of(const struct run *r, size_t side)
{
	return side == 0 ? r->q->conf : r->q->against;
}

/* As far as MAIL, with which the DNS is asked. */
static void
begin(struct run *r, struct flying *f, const struct played *p)
{
	const struct maillog_entry *e = &p->entry;
	struct sockaddr_storage ss;
	struct addr client;
	char *sender = xasprintf("<%s>", e->sender);
	const struct session_sender from = {
		.arg = sender,
		.auth_user = e->authenticated ? "-" : NULL,
		.smtputf8 = !util_is_ascii(sender),
	};

	f->of = p;
	(void)addr_parse(&client, e->client);	/* as maillog wrote it */
	addr_to_sockaddr(&client, CLIENT_PORT, &ss);
	for (size_t i = 0; i < 2; i++) {
		f->sessions[i] = NULL;
		if (conf_of(r, i) == NULL)
			continue;
		f->sessions[i] = session_new(r->env, conf_of(r, i));
		session_connect(f->sessions[i], (struct sockaddr *)&ss,
		    e->name, NULL);
		if (e->helo != NULL)
			session_helo(f->sessions[i], e->helo);
		f->ended[i] = session_mail(f->sessions[i], &from).kind !=
		    SESSION_CONTINUE;
	}
	free(sender);
}

static struct replay_outcome
end(struct run *r, struct session *s, const struct maillog_entry *e,
    bool ended)
{
	const struct session_edit *edits;
	size_t n;

	if (!ended) {
		char *rcpt = e->rcpt != NULL ? xasprintf("<%s>", e->rcpt) :
		    xasprintf("<postmaster@%s>", r->env->hostname);
		ended = session_rcpt(s, rcpt).kind != SESSION_CONTINUE;
		free(rcpt);
	}
	if (!ended)
		session_end(s, &edits, &n);
	const struct decision *d = session_decision(s);
	const struct eval_verdict *v = session_verdict(s, d->scope);
	return (struct replay_outcome){
		.action = d->action == POLICY_SKIP ? POLICY_ACCEPT : d->action,
		.result = v != NULL ? result_name(v->result) : "",
		.rule = d->rule != NULL ? d->rule->name : "",
	};
}

/* What was played before is told by it, so both must come to the same. */
static uint64_t
add_to_digest(uint64_t digest, const struct played *p)
{
	return digest * 31 ^ hash_quick(p->text, p->len);
}

/* The one that has been under way for longest. */
static void
finish_first(struct run *r)
{
	struct flying *f = &r->flying[r->first];
	bool compared = r->q->against != NULL;
	struct replay_outcome o[2];

	for (size_t i = 0; i < 2; i++)
		if (f->sessions[i] != NULL)
			o[i] = end(r, f->sessions[i], &f->of->entry,
			    f->ended[i]);
	replay_count(r->totals, o, compared, &f->of->entry, f->of->messages);
	r->totals->played++;
	r->totals->digest = add_to_digest(r->totals->digest, f->of);
	if (r->q->json)
		replay_print_message(&f->of->entry, f->of->messages, o,
		    compared, r->out);
	session_free(f->sessions[0]);
	session_free(f->sessions[1]);
	r->first = (r->first + 1) % IN_FLIGHT;
	r->under_way--;
}

/* Pace. */

static bool
is_ahead(const struct run *r)
{
	int64_t passed_ms = util_now_ms() - r->start_ms;

	return r->q->rate > 0 && stats_get(STATS_DNS_QUERIES) >
	    (uint64_t)passed_ms * r->q->rate / 1000;
}

/* Of the DNS: until no more is asked than may be. */
static void
keep_pace(struct run *r)
{
	static struct lock lock = LOCK_INITIALIZER;
	struct cond never;

	while (is_ahead(r) && r->under_way > 0)
		finish_first(r);
	if (!is_ahead(r))
		return;
	cond_init(&never);
	lock_acquire(&lock);
	while (is_ahead(r))
		cond_wait_until(&never, &lock, util_now_ms() + 10);
	lock_release(&lock);
	cond_fini(&never);
}

static void
show_progress(struct run *r)
{
	int64_t now_ms = util_now_ms();
	double passed_s = (double)(now_ms - r->start_ms) / 1000;

	if (now_ms - r->shown_ms < PROGRESS_MS || !isatty(STDERR_FILENO))
		return;
	r->shown_ms = now_ms;
	fprintf(stderr, "\r%" PRIu64 " played", r->totals->played);
	if (r->share > 0) {
		int64_t left = (int64_t)(passed_s * (1 - r->share) / r->share);
		fprintf(stderr, ", %.0f%%, %" PRId64 ":%02" PRId64 " left",
		    100 * r->share, left / 60, left % 60);
	}
	fputs("\033[K", stderr);
}

static void
save(struct run *r, bool now)
{
	int64_t now_ms = util_now_ms();

	if (r->q->state == NULL || (!now && now_ms - r->saved_ms < SAVE_MS))
		return;
	r->saved_ms = now_ms;
	fflush(r->out);
	if (replay_save(r->totals, r->q->state, r->about))
		return;
	fprintf(stderr, "spf-milter: %s: %s\n", r->q->state, strerror(errno));
	r->status = EX_CANTCREAT;
}

/* Batches. */

/* True: it was played before. */
static bool
is_done(struct run *r, const struct played *p)
{
	if (r->number >= r->resumed)
		return false;
	r->number++;
	r->digest = add_to_digest(r->digest, p);
	if (r->number == r->resumed && r->digest != r->resumed_digest) {
		fprintf(stderr, "spf-milter: %s: the state of another log\n",
		    r->q->state);
		r->status = EX_DATAERR;
	}
	return true;
}

static void
play(struct run *r)
{
	double share = logfile_share(r->log);

	for (size_t i = 0; i < r->count && r->status == EX_OK; i++) {
		if (is_done(r, &r->batch[i]))
			continue;
		r->number++;
		if (r->under_way == IN_FLIGHT)
			finish_first(r);
		keep_pace(r);
		begin(r, &r->flying[(r->first + r->under_way) % IN_FLIGHT],
		    &r->batch[i]);
		r->under_way++;
		r->share = r->share_read + (share - r->share_read) *
		    (double)i / (double)r->count;
		if (i % 64 == 0) {
			show_progress(r);
			save(r, false);
		}
	}
	while (r->under_way > 0)
		finish_first(r);
	save(r, true);
	r->share_read = share;
	for (size_t i = 0; i < r->count; i++)
		free(r->batch[i].text);
	r->count = 0;
	memset(r->table, 0, TABLE_SIZE * sizeof(*r->table));
}

/* Five texts, each behind a mark that tells none from an empty one. */
static struct played
pack(const struct maillog_entry *e)
{
	const char *texts[] = { e->client, e->name, e->helo, e->sender,
		e->rcpt };
	const char *copies[5];
	struct played p = { .entry = *e, .messages = 1, .len = 1 };

	for (size_t i = 0; i < 5; i++)
		p.len += 2 + (texts[i] != NULL ? strlen(texts[i]) : 0);
	p.text = xcalloc(HASH_ROOM(p.len), 1);
	char *at = p.text;
	*at++ = e->authenticated ? 'a' : '-';
	for (size_t i = 0; i < 5; i++) {
		size_t len = texts[i] != NULL ? strlen(texts[i]) : 0;
		*at++ = texts[i] != NULL ? '=' : '-';
		copies[i] = texts[i] != NULL ? at : NULL;
		if (len > 0)
			memcpy(at, texts[i], len);
		at += len + 1;
	}
	p.entry.client = copies[0];
	p.entry.name = copies[1];
	p.entry.helo = copies[2];
	p.entry.sender = copies[3];
	p.entry.rcpt = copies[4];
	return p;
}

static void
take(void *arg, const struct maillog_entry *found)
{
	struct run *r = arg;
	struct maillog_entry e = *found;
	uint64_t hash[2];

	if ((!r->by_rcpt && !e.first) || r->status != EX_OK)
		return;
	if (!r->by_rcpt)
		e.rcpt = NULL;
	struct played p = pack(&e);
	hash_octets(&r->key, p.text, p.len, hash);
	size_t at = hash[0] % TABLE_SIZE;
	for (; r->table[at] != 0; at = (at + 1) % TABLE_SIZE) {
		struct played *other = &r->batch[r->table[at] - 1];
		if (other->len != p.len ||
		    memcmp(other->text, p.text, p.len) != 0)
			continue;
		other->messages++;
		free(p.text);
		return;
	}
	r->batch[r->count++] = p;
	r->table[at] = (uint32_t)r->count;
	if (r->count == BATCH_MAX)
		play(r);
}

/* The whole log. */

static void
read_log(struct run *r)
{
	char octets[65536];
	ssize_t n;

	while (r->status == EX_OK &&
	    (n = logfile_read(r->log, octets, sizeof(octets))) != 0) {
		if (n < 0) {
			fprintf(stderr, "spf-milter: %s: %s\n", r->q->log,
			    strerror(errno));
			r->status = EX_NOINPUT;
			return;
		}
		maillog_feed(r->parser, octets, (size_t)n);
	}
	if (r->status == EX_OK) {
		maillog_finish(r->parser);
		play(r);
	}
	r->totals->lines = maillog_lines(r->parser);
	if (r->status == EX_OK && r->number < r->resumed) {
		fprintf(stderr, "spf-milter: %s: the state of another log\n",
		    r->q->state);
		r->status = EX_DATAERR;
	}
}

static bool
open_all(struct run *r)
{
	const struct conf *other = r->q->against;

	r->about = xasprintf("%s, %s%s%s", r->q->log,
	    r->q->conf->path != NULL ? r->q->conf->path : "defaults",
	    other != NULL ? ", " : "", other != NULL ? other->path : "");
	r->log = logfile_open(r->q->log);
	if (r->log == NULL) {
		fprintf(stderr, "spf-milter: %s: %s\n", r->q->log,
		    strerror(errno));
		r->status = EX_NOINPUT;
		return false;
	}
	if (r->q->state == NULL ||
	    replay_load(r->totals, r->q->state, r->about))
		return true;
	fprintf(stderr, "spf-milter: %s: %s\n", r->q->state, errno != 0 ?
	    strerror(errno) : "the state of another log or configuration");
	r->status = EX_DATAERR;
	return false;
}

static void
print(const struct run *r)
{
	replay_sort(r->totals);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (r->q->json)
		replay_print_json(r->totals, r->q->against != NULL, r->out);
	else
		replay_print_text(r->totals, r->q->against != NULL ?
		    r->q->against->path : NULL, r->out);
}

int
replay(const struct session_env *env, const struct replay_request *q,
    FILE *out)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->q = q;
	r->env = env;
	r->out = out;
	r->totals = xcalloc(1, sizeof(*r->totals));
	r->batch = xcalloc(BATCH_MAX, sizeof(*r->batch));
	r->table = xcalloc(TABLE_SIZE, sizeof(*r->table));
	r->parser = maillog_new(take, r);
	r->by_rcpt = q->conf->rules.asks_recipient ||
	    (q->against != NULL && q->against->rules.asks_recipient);
	r->start_ms = r->saved_ms = util_now_ms();
	hash_key_draw(&r->key);
	if (open_all(r)) {
		r->resumed = r->totals->played;
		r->resumed_digest = r->totals->digest;
		read_log(r);
	}
	if (r->log != NULL && !logfile_close(r->log) && r->status == EX_OK) {
		fprintf(stderr, "spf-milter: %s: cannot be unpacked\n",
		    q->log);
		r->status = EX_DATAERR;
	}
	if (r->status == EX_OK)
		print(r);
	int status = r->status;
	maillog_free(r->parser);
	replay_totals_free(r->totals);
	free(r->about);
	for (size_t i = 0; i < r->count; i++)
		free(r->batch[i].text);
	free(r->batch);
	free(r->table);
	free(r);
	return status;
}
