/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter glue: callbacks to session events, steps and edits back.
 *
 * Stages that need no reply are negotiated so.  A verdict given there would be
 * lost, hence connect, HELO and headers never answer; the session remembers
 * and answers at MAIL or later.  libmilter says CONTINUE in
 * our stead to an MTA that cannot go without a reply.
 *
 * Callbacks of one connection come one at a time, on any thread.  close may
 * come without connect, abort at any time or twice.
 *
 * smfi_main is never told to end: ending, libmilter frees sessions that its
 * workers are busy with.  Instead those who have work enter a gate, which a
 * stop closes (milter_gate.c); connections without any are left to libmilter.
 */

#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter.h"
#include "daemon/milter_priv.h"
#include "mail/session.h"
#include "policy/reply.h"

#define BACKLOG 1024

/* From the negotiation on; one configuration for all of it. */
struct connection {
	struct connection	*next;		/* list_lock */
	struct connection	**link;		/* to this one; list_lock */
	const struct conf	*conf;
	struct session		*session;	/* NULL until connect */
	bool			 has_message;	/* under way */
	bool			 inside;	/* of the gate */
};

static const struct session_env *milter_env;	/* set before threads */

static struct lock list_lock = LOCK_INITIALIZER;
/* list_lock, and inside of the gate: fixed once that is empty */
static struct connection *connections;

static atomic_bool failed;

/* libmilter's prototypes predate const. */
static char *
unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

static const char *
symbol(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, unconst(name));
}

static struct connection *
connection_new(SMFICTX *ctx)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->conf = conf_acquire();
	lock_acquire(&list_lock);
	c->next = connections;
	c->link = &connections;
	if (c->next != NULL)
		c->next->link = &c->next;
	connections = c;
	lock_release(&list_lock);
	smfi_setpriv(ctx, c);
	return c;
}

static void
connection_empty(struct connection *c)
{
	session_free(c->session);
	c->session = NULL;
	conf_release(c->conf);
	c->conf = NULL;
}

/* NULL: libmilter never told of one, or the gate is closed to it. */
static struct connection *
connection_enter(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	milter_pool_begun();
	if (c == NULL || (!c->inside && !milter_gate_enter()))
		return NULL;
	c->inside = true;
	return c;
}

/* With a message under way it stays inside. */
static void
connection_leave(struct connection *c)
{
	if (c->has_message)
		return;
	c->inside = false;
	milter_gate_leave();
}

/* Where the gate is closed to it, milter_wait does it. */
static void
connection_close(SMFICTX *ctx)
{
	struct connection *c = connection_enter(ctx);

	smfi_setpriv(ctx, NULL);	/* libmilter would complain of it */
	if (c == NULL)
		return;
	lock_acquire(&list_lock);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	lock_release(&list_lock);
	connection_empty(c);
	free(c);
	milter_gate_leave();
}

/* The answer to a message where there is no session for it. */
static sfsistat
no_session(void)
{
	if (!milter_gate_enter())
		return SMFIS_TEMPFAIL;
	milter_gate_leave();
	stats_inc(STATS_PROTOCOL_ERRORS);
	return SMFIS_ACCEPT;
}

static struct connection *
session_enter(SMFICTX *ctx)
{
	struct connection *c = connection_enter(ctx);

	if (c == NULL || c->session != NULL)
		return c;
	connection_leave(c);
	return NULL;
}

/*
 * A reply is set right before the verdict that it belongs to: libmilter keeps
 * it for a later one otherwise.  Each % is doubled, or the MTA drops it.
 */
static bool
set_reply(SMFICTX *ctx, const struct reply *r)
{
	char text[2 * sizeof(r->text)];
	char *lines[REPLY_LINES_MAX] = { text };
	size_t count = 1;
	char code[4];
	struct sbuf sb;
	struct sbuf code_sb;

	sbuf_init(&sb, text, sizeof(text));
	for (const char *p = r->text; *p != '\0'; p++) {
		if (*p == '\n' && count < REPLY_LINES_MAX) {
			sbuf_add(&sb, "", 1);
			lines[count++] = text + sb.len;
		} else if (*p == '%') {
			sbuf_str(&sb, "%%");
		} else {
			sbuf_char(&sb, *p);
		}
	}
	sbuf_init(&code_sb, code, sizeof(code));
	sbuf_fmt(&code_sb, "%u", r->code);
	/* Unused lines are NULL and end the list. */
	return smfi_setmlreply(ctx, code, unconst(r->enhanced),
	    lines[0], lines[1], lines[2], lines[3], lines[4], lines[5],
	    lines[6], lines[7], lines[8], lines[9], lines[10], lines[11],
	    lines[12], lines[13], lines[14], lines[15], lines[16], lines[17],
	    lines[18], lines[19], lines[20], lines[21], lines[22], lines[23],
	    lines[24], lines[25], lines[26], lines[27], lines[28], lines[29],
	    lines[30], lines[31], NULL) == MI_SUCCESS;
}

static sfsistat
answer(SMFICTX *ctx, struct session_step step)
{
	if (step.reply != NULL && !set_reply(ctx, step.reply))
		log_error("libmilter refused our reply text; the MTA will "
		    "give its own");
	switch (step.kind) {
	case SESSION_CONTINUE:
		return SMFIS_CONTINUE;
	case SESSION_ACCEPT:
		return SMFIS_ACCEPT;
	case SESSION_TEMPFAIL:
		return SMFIS_TEMPFAIL;
	case SESSION_REJECT:
		return SMFIS_REJECT;
	}
	return SMFIS_ACCEPT;
}

/* Such mail is let through otherwise; told once. */
static bool
offers_quarantine(unsigned long actions)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if ((actions & SMFIF_QUARANTINE) != 0)
		return true;
	if (!atomic_flag_test_and_set(&told))
		log_error("the MTA cannot quarantine: mail that should be is "
		    "let through with its field");
	return false;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	struct session_needs needs;

	(void)f2;
	(void)f3;
	connection_close(ctx);
	if (!milter_gate_enter())
		return SMFIS_REJECT;
	session_needs(connection_new(ctx)->conf, &needs);
	milter_gate_leave();

	*pf0 = SMFIF_ADDHDRS | SMFIF_CHGHDRS | (f0 & SMFIF_SETSYMLIST);
	if (needs.quarantine && offers_quarantine(f0))
		*pf0 |= SMFIF_QUARANTINE;
	*pf1 = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR | SMFIP_NR_EOH;
	*pf1 |= f1 & (SMFIP_NOBODY | SMFIP_NODATA | SMFIP_NOUNKNOWN);
	if (!needs.end_of_header)
		*pf1 |= f1 & SMFIP_NOEOH;
	if (!needs.headers)
		*pf1 |= f1 & SMFIP_NOHDRS;
	if (!needs.rcpt)
		*pf1 |= f1 & SMFIP_NORCPT;
	*pf2 = 0;
	*pf3 = 0;
	if ((f0 & SMFIF_SETSYMLIST) != 0) {
		smfi_setsymlist(ctx, SMFIM_CONNECT, unconst(needs.daemon ?
		    "j {daemon_name} {daemon_port}" : "j"));
		smfi_setsymlist(ctx, SMFIM_ENVFROM,
		    unconst("i {auth_authen} {mail_addr}"));
		smfi_setsymlist(ctx, SMFIM_ENVRCPT, unconst("i"));
		smfi_setsymlist(ctx, SMFIM_EOM, unconst("i"));
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	struct connection *c = connection_enter(ctx);

	if (c == NULL && smfi_getpriv(ctx) == NULL && milter_gate_enter()) {
		milter_pool_opened();		/* another one after a quit */
		c = connection_new(ctx);
		c->inside = true;
	}
	if (c == NULL)
		return SMFIS_NOREPLY;
	session_free(c->session);	/* an MTA that forgot to end it */
	c->has_message = false;
	c->session = session_new(milter_env, c->conf);
	session_connect(c->session, sa, host, symbol(ctx, "j"));
	if (c->conf->rules.asks_daemon)
		session_daemon(c->session, symbol(ctx, "{daemon_name}"),
		    symbol(ctx, "{daemon_port}"));
	connection_leave(c);
	return SMFIS_NOREPLY;
}

static sfsistat
on_helo(SMFICTX *ctx, char *arg)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return SMFIS_NOREPLY;
	session_helo(c->session, arg);
	connection_leave(c);
	return SMFIS_NOREPLY;
}

/* Is name among the parameters behind the address? */
static bool
has_parameter(char **argv, const char *name)
{
	for (size_t i = 1; argv[0] != NULL && argv[i] != NULL; i++)
		if (util_eq_nocase(argv[i], name))
			return true;
	return false;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return no_session();
	/* {auth_author} is the client's own claim: only {auth_authen}. */
	const struct session_sender from = {
		.arg = argv[0],
		.mta_address = symbol(ctx, "{mail_addr}"),
		.auth_user = symbol(ctx, "{auth_authen}"),
		.queue_id = symbol(ctx, "i"),
		.smtputf8 = has_parameter(argv, "SMTPUTF8"),
	};
	struct session_step step = session_mail(c->session, &from);
	sfsistat status = answer(ctx, step);
	c->has_message = step.kind == SESSION_CONTINUE;
	connection_leave(c);
	return status;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return no_session();
	session_queue_id(c->session, symbol(ctx, "i"));
	struct session_step step = session_rcpt(c->session,
	    argv[0] != NULL ? argv[0] : "");
	sfsistat status = answer(ctx, step);
	connection_leave(c);
	return status;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return SMFIS_NOREPLY;
	session_header(c->session, name, value);
	connection_leave(c);
	return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *ctx)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return SMFIS_NOREPLY;
	session_end_of_header(c->session);
	connection_leave(c);
	return SMFIS_NOREPLY;
}

static bool
apply(SMFICTX *ctx, const struct session_edit *e)
{
	switch (e->kind) {
	case SESSION_DELETE:
		return smfi_chgheader(ctx, unconst(e->name), (int)e->index,
		    NULL) == MI_SUCCESS;
	case SESSION_CHANGE:
		return smfi_chgheader(ctx, unconst(e->name), (int)e->index,
		    unconst(e->value)) == MI_SUCCESS;
	case SESSION_INSERT:
		return smfi_insheader(ctx, 0, unconst(e->name),
		    unconst(e->value)) == MI_SUCCESS;
	case SESSION_QUARANTINE:
		return smfi_quarantine(ctx, unconst(e->value)) == MI_SUCCESS;
	}
	return false;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct connection *c = session_enter(ctx);
	const struct session_edit *edits;
	size_t n;

	if (c == NULL)
		return no_session();
	session_queue_id(c->session, symbol(ctx, "i"));
	struct session_step step = session_end(c->session, &edits, &n);
	for (size_t i = 0; i < n; i++) {
		if (!apply(ctx, &edits[i]))
			log_error("libmilter refused a change: %s",
			    edits[i].name != NULL ? edits[i].name :
			    "quarantine");
	}
	sfsistat status = answer(ctx, step);
	/* An idle connection keeps no message. */
	session_abort(c->session);
	c->has_message = false;
	connection_leave(c);
	return status;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *c = session_enter(ctx);

	if (c == NULL)
		return SMFIS_CONTINUE;
	session_abort(c->session);
	c->has_message = false;
	connection_leave(c);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	connection_close(ctx);
	milter_pool_closed();
	return SMFIS_CONTINUE;
}

static bool
register_filter(void)
{
	struct smfiDesc filter = {
		.xxfi_name = unconst("spf-milter"),
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS |
		    SMFIF_SETSYMLIST,
		.xxfi_negotiate = on_negotiate,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_end_of_header,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close
	};

	return smfi_register(filter) == MI_SUCCESS;
}

/* False: errno, or 0. */
static bool
bind_socket(const char *place)
{
	/* No moment in which everybody may connect. */
	mode_t saved = umask(0177);
	bool bound = smfi_setconn(unconst(place)) == MI_SUCCESS &&
	    smfi_opensocket(true) == MI_SUCCESS;

	umask(saved);
	return bound;
}

bool
milter_open(const struct conf *c, struct diag *d)
{
	milter_gate_init();
	milter_limit_init();
	smfi_setbacklog(BACKLOG);
	if (!register_filter()) {
		diag_add(d, NULL, 0, "libmilter refuses the filter");
		return false;
	}
	bool opened = milter_socket_open(c, bind_socket, d);
	milter_handed_close(c);
	return opened;
}

static void *
serve(void *arg)
{
	(void)arg;
	(void)smfi_main();
	log_error("libmilter has given up");
	atomic_store(&failed, true);
	kill(getpid(), SIGTERM);
	return NULL;
}

bool
milter_start(const struct session_env *env, struct diag *d)
{
	milter_env = env;
	return milter_pool_start(serve, d);
}

bool
milter_failed(void)
{
	return atomic_load(&failed);
}

bool
milter_is_serving(void)
{
	return !milter_failed() && milter_gate_is_open();
}

void
milter_close(void)
{
	milter_socket_remove();
}

void
milter_stop(void)
{
	/* What libmilter has closed may be another's by now. */
	if (!milter_failed())
		milter_socket_close();
	milter_socket_remove();
	milter_gate_close();
}

unsigned
milter_wait(int64_t until_ms)
{
	unsigned left = milter_gate_wait(until_ms);

	if (left > 0)
		return left;
	/* They stay themselves: libmilter still comes, in vain. */
	for (struct connection *c = connections; c != NULL; c = c->next)
		connection_empty(c);
	return 0;
}

const char *
milter_version(void)
{
	static char text[40];
	unsigned major;
	unsigned minor;
	unsigned patch;
	struct sbuf sb;

	smfi_version(&major, &minor, &patch);
	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "libmilter %u.%u.%u", major, minor, patch);
	return text;
}
