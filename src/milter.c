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
 * workers are busy with.  Instead sessions are counted at a gate, which
 * milter_stop closes when none is left; what comes then finds no session.
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "conf.h"
#include "lock.h"
#include "log.h"
#include "milter.h"
#include "milter_priv.h"
#include "reply.h"
#include "session.h"
#include "stats.h"
#include "util.h"

#define BACKLOG 1024
/*
 * Less page faults than with 8 MB; 64 kB are too few for libmilter.  Beyond
 * 16 kB a thread that ends gives back what it has touched (glibc), and
 * libmilter's pool ends one every tenth message: what a usual message needs
 * stays below.
 */
#define THREAD_STACK (256 * 1024)


struct connection {
	const struct conf	*conf;
	struct session		*session;
};

static const struct session_env *milter_env;	/* set before threads */

static struct lock live_lock = LOCK_INITIALIZER;
static struct cond live_none;
static unsigned live;			/* live_lock */
static bool live_closed;		/* live_lock; milter_stop is done */

static atomic_bool failed;
static const char *socket_path;		/* of a unix socket, or NULL */
static struct stat socket_stat;

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

static bool
live_enter(void)
{
	lock_acquire(&live_lock);
	bool open = !live_closed;
	if (open)
		live++;
	lock_release(&live_lock);
	return open;
}

static void
live_leave(void)
{
	lock_acquire(&live_lock);
	if (--live == 0)
		cond_broadcast(&live_none);
	lock_release(&live_lock);
}

static struct session *
session_of(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	milter_pump_begun();
	return c != NULL ? c->session : NULL;
}

/* The answer where there is no session. */
static sfsistat
no_session(void)
{
	if (!live_enter())
		return SMFIS_TEMPFAIL;
	live_leave();
	stats_inc(STATS_PROTOCOL_ERRORS);
	return SMFIS_ACCEPT;
}

static void
connection_close(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL)
		return;
	smfi_setpriv(ctx, NULL);
	session_free(c->session);
	conf_release(c->conf);
	free(c);
	live_leave();
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

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	struct session_needs needs;

	(void)f2;
	(void)f3;
	if (!live_enter())
		return SMFIS_REJECT;
	const struct conf *conf = conf_acquire();
	session_needs(conf, &needs);
	conf_release(conf);
	live_leave();

	*pf0 = SMFIF_ADDHDRS | SMFIF_CHGHDRS | (f0 & SMFIF_SETSYMLIST);
	*pf1 = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR;
	*pf1 |= f1 & (SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NODATA |
	    SMFIP_NOUNKNOWN);
	if (!needs.headers)
		*pf1 |= f1 & SMFIP_NOHDRS;
	if (!needs.rcpt)
		*pf1 |= f1 & SMFIP_NORCPT;
	*pf2 = 0;
	*pf3 = 0;
	if ((f0 & SMFIF_SETSYMLIST) != 0) {
		smfi_setsymlist(ctx, SMFIM_CONNECT, unconst("j"));
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
	(void)host;
	connection_close(ctx);	/* an MTA that forgot to end the last one */
	if (!live_enter())
		return SMFIS_NOREPLY;
	struct connection *c = xcalloc(1, sizeof(*c));
	c->conf = conf_acquire();
	c->session = session_new(milter_env, c->conf);
	smfi_setpriv(ctx, c);
	session_connect(c->session, sa, symbol(ctx, "j"));
	return SMFIS_NOREPLY;
}

static sfsistat
on_helo(SMFICTX *ctx, char *arg)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_helo(s, arg);
	return SMFIS_NOREPLY;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);

	if (s == NULL)
		return no_session();
	/* {auth_author} is the client's own claim: only {auth_authen}. */
	struct session_step step = session_mail(s,
	    argv[0] != NULL ? argv[0] : "", symbol(ctx, "{mail_addr}"),
	    symbol(ctx, "{auth_authen}"));
	session_queue_id(s, symbol(ctx, "i"));
	return answer(ctx, step);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);

	if (s == NULL)
		return no_session();
	session_queue_id(s, symbol(ctx, "i"));
	return answer(ctx, session_rcpt(s, argv[0] != NULL ? argv[0] : ""));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_header(s, name, value);
	return SMFIS_NOREPLY;
}

static bool
apply(SMFICTX *ctx, const struct session_edit *e)
{
	switch (e->kind) {
	case SESSION_DELETE:
		return smfi_chgheader(ctx, unconst(e->name), (int)e->index,
		    NULL) == MI_SUCCESS;
	case SESSION_INSERT:
		return smfi_insheader(ctx, 0, unconst(e->name),
		    unconst(e->value)) == MI_SUCCESS;
	}
	return false;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);
	const struct session_edit *edits;
	size_t n;

	if (s == NULL)
		return no_session();
	session_queue_id(s, symbol(ctx, "i"));
	struct session_step step = session_end(s, &edits, &n);
	for (size_t i = 0; i < n; i++) {
		if (!apply(ctx, &edits[i]))
			log_error("libmilter refused a change of the %s field",
			    edits[i].name);
	}
	sfsistat status = answer(ctx, step);
	session_abort(s);	/* an idle connection keeps no message */
	return status;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c != NULL)
		session_abort(c->session);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	connection_close(ctx);
	return SMFIS_CONTINUE;
}

/* The path of a unix socket, or NULL. */
static const char *
unix_path(const char *socket)
{
	if (socket[0] == '/')
		return socket;
	if (strncmp(socket, "unix:", 5) == 0)
		return socket + 5;
	if (strncmp(socket, "local:", 6) == 0)
		return socket + 6;
	return NULL;
}

/* libmilter unlinks whatever socket is there, a living one too: ask first. */
static bool
is_served(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (!util_copy(sun.sun_path, sizeof(sun.sun_path), path))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool served = connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0;
	close(fd);
	return served;
}

/* (gid_t)-1: leave it.  False: no such group. */
static bool
find_group(const struct conf *c, gid_t *gid, struct diag *d)
{
	*gid = (gid_t)-1;
	if (c->socket_group[0] == '\0')
		return true;

	const struct group *gr = getgrnam(c->socket_group);
	if (gr == NULL) {
		diag_add(d, c->path, 0,
		    "socket_group: there is no group \"%s\"",
		    c->socket_group);
		return false;
	}
	*gid = gr->gr_gid;
	return true;
}

/*
 * The user that we are going to be owns the socket: milter_waiting connects
 * to it.
 */
static bool
set_owner(const struct conf *c, const char *path, struct diag *d)
{
	const struct passwd *pw = c->user[0] != '\0' && geteuid() == 0 ?
	    getpwnam(c->user) : NULL;
	uid_t uid = pw != NULL ? pw->pw_uid : (uid_t)-1;
	gid_t gid;

	if (!find_group(c, &gid, d))
		return false;
	if (chown(path, uid, gid) != 0 || chmod(path, c->socket_mode) != 0) {
		diag_add(d, NULL, 0, "%s: cannot set owner, group %s and "
		    "mode %04o: %s", path, c->socket_group,
		    (unsigned)c->socket_mode, strerror(errno));
		return false;
	}
	return true;
}

/*
 * libmilter keeps its listening socket to itself.  -1: not found, which costs
 * speed only.
 */
static int
find_listener(void)
{
	for (int fd = 0; fd < 64; fd++) {
		int listens = 0;
		socklen_t len = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		    &len) == 0 && listens != 0)
			return fd;
	}
	return -1;
}

/*
 * libmilter writes a header and its final reply apart and never turns off
 * Nagle's algorithm: 40 ms a message over TCP.  Accepted sockets inherit the
 * option from the listening one.
 */
static void
set_nodelay(int listen_fd)
{
	const int yes = 1;

	setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
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
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close
	};

	return smfi_register(filter) == MI_SUCCESS;
}

bool
milter_open(const struct conf *c, struct diag *d)
{
	const char *path = unix_path(c->socket);

	cond_init(&live_none);
	if (path != NULL && is_served(path)) {
		diag_add(d, NULL, 0, "%s: another program answers on this "
		    "socket", path);
		return false;
	}
	smfi_setbacklog(BACKLOG);

	/* No moment in which everybody may connect. */
	mode_t saved = umask(0177);
	errno = 0;
	bool bound = smfi_setconn(unconst(c->socket)) == MI_SUCCESS &&
	    register_filter() && smfi_opensocket(true) == MI_SUCCESS;
	int error = errno;
	umask(saved);
	if (!bound) {
		diag_add(d, NULL, 0, "cannot listen on %s: %s", c->socket,
		    error != 0 ? strerror(error) : "libmilter gave no reason");
		return false;
	}
	int listen_fd = find_listener();
	milter_pump_init(listen_fd);
	if (path != NULL) {
		socket_path = xstrdup(path);
		(void)stat(path, &socket_stat);
		return set_owner(c, path, d);
	}
	set_nodelay(listen_fd);
	return true;
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

/* It goes on for as long as the process does.  False: errno. */
static bool
start_thread(void *(*run)(void *))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, NULL);
	if (errno == 0)
		pthread_detach(thread);
	return errno == 0;
}

bool
milter_start(const struct session_env *env)
{
	milter_env = env;
#ifdef HAVE_PTHREAD_SETATTR_DEFAULT_NP
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, THREAD_STACK);
		pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
#endif
	return start_thread(milter_pump_run) && start_thread(serve);
}

bool
milter_failed(void)
{
	return atomic_load(&failed);
}

/* Unless it is another's by now. */
static void
remove_socket(void)
{
	struct stat st;

	if (socket_path != NULL && stat(socket_path, &st) == 0 &&
	    st.st_dev == socket_stat.st_dev && st.st_ino == socket_stat.st_ino)
		unlink(socket_path);
}

bool
milter_stop(int64_t grace_ms, unsigned *left)
{
	int64_t until_ms = util_now_ms() + grace_ms;

	lock_acquire(&live_lock);
	while (live != 0 && cond_wait_until(&live_none, &live_lock, until_ms))
		;
	*left = live;
	live_closed = live == 0;
	lock_release(&live_lock);
	remove_socket();
	return *left == 0;
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
