/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon tells of itself, and at which doors. */

#include "config.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/listen.h"
#include "base/log.h"
#include "base/process_figures.h"
#include "base/unix_socket.h"
#include "conf/conf.h"
#include "daemon/control.h"
#include "daemon/ctl.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/sandbox.h"
#include "daemon/status.h"

#define RELOAD_MS 60000

static struct http_door doors[HTTP_DOORS_MAX];
static struct unix_socket places[HTTP_DOORS_MAX] = {	/* of the same */
	UNIX_SOCKET_NONE, UNIX_SOCKET_NONE
};
static size_t door_count;
static struct http *server;

/* Routes */

static bool
answer_reload(struct http_request *q, struct http_answer *a)
{
	struct ctl_reload r;

	if (q->state == 0)
		q->state = ctl_reload_ask();
	if (ctl_reload_result(q->state, &r, a->body)) {
		a->status = r.good ? 200 : 422;
		return true;
	}
	if (q->is_late) {
		a->status = 503;
		fputs("the reload goes on: the log will say how it ends\n",
		    a->body);
	}
	return q->is_late;
}

static bool
answer_status(struct http_request *q, struct http_answer *a)
{
	(void)q;
	a->type = "application/json";
	status_write(a->body);
	return true;
}

static const struct http_route routes[] = {
	{ "GET", "/metrics", HTTP_CONTROL | HTTP_METRICS, metrics_answer, 0 },
	{ "GET", "/healthz", HTTP_CONTROL | HTTP_METRICS,
	    metrics_answer_healthz, 0 },
	{ "GET", "/readyz", HTTP_CONTROL | HTTP_METRICS,
	    metrics_answer_readyz, 0 },
	{ "GET", "/status", HTTP_CONTROL, answer_status, 0 },
	{ "POST", "/reload", HTTP_CONTROL, answer_reload, RELOAD_MS },
	{ NULL, NULL, 0, NULL, 0 }
};

/* Doors */

static bool
is_default(const struct conf *c)
{
	return strcmp(c->control, CONF_DEFAULT_CONTROL) == 0;
}

static bool
check_control(const struct conf *c, struct diag *d)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	char problem[UNIX_SOCKET_PROBLEM_SIZE] = "";

	if (c->control[0] == '\0' || is_default(c))
		return true;
	if (http_version() == NULL)
		util_copy(problem, sizeof(problem),
		    "built without libmicrohttpd");
	else if (strlen(c->control) > max)	/* for those who connect */
		util_copy(problem, sizeof(problem), "the path is too long");
	else
		(void)unix_socket_check(c->control, problem);
	if (problem[0] != '\0')
		conf_complain(c, d, "control", "%s", problem);
	return problem[0] == '\0';
}

static bool
bind_name(const char *name, void *arg)
{
	union listen_place p = { .un = { .sun_family = AF_UNIX } };
	int *fd = arg;

	if (!util_copy(p.un.sun_path, sizeof(p.un.sun_path), name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	*fd = listen_open(&p);
	return *fd >= 0;
}

/* w: path, group and mode; for the user that removes the socket at the end. */
static bool
open_unix(const struct conf *c, unsigned door, struct unix_socket_wish w,
    struct diag *d)
{
	int fd = -1;

	w.text = w.path;
	w.uid = sandbox_uid(c);
	w.bind = bind_name;
	w.arg = &fd;
	if (unix_socket_make(&places[door_count], &w, d)) {
		doors[door_count++] = (struct http_door){ fd, door };
		return true;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

/* The default is no reason to refuse a start. */
static bool
explain(const struct conf *c, const struct diag *problems, struct diag *d)
{
	for (size_t i = 0; i < problems->count; i++) {
		const char *problem = problems->entries[i].message;

		if (is_default(c))
			log_notice("no control socket for --reload and "
			    "--status: %s", problem);
		else
			conf_complain(c, d, "control", "%s", problem);
	}
	return is_default(c);
}

static bool
open_control_if_wanted(const struct conf *c, struct diag *d)
{
	const struct unix_socket_wish w = { .path = c->control,
		.gid = (gid_t)-1, .group = "", .mode = 0600 };
	struct diag problems;

	if (c->control[0] == '\0' ||
	    (http_version() == NULL && is_default(c)))
		return true;
	if (!check_control(c, d))
		return false;
	diag_init(&problems);
	bool good = open_unix(c, HTTP_CONTROL, w, &problems) ||
	    explain(c, &problems, d);
	diag_fini(&problems);
	return good;
}

/* That of the option; -1: there is none such, or none is named. */
static gid_t
metrics_gid(const struct conf *c)
{
	const struct group *gr = c->metrics_group[0] != '\0' ?
	    getgrnam(c->metrics_group) : NULL;

	return gr != NULL ? gr->gr_gid : (gid_t)-1;
}

static bool
check_metrics_group(const struct conf *c, struct diag *d)
{
	bool good = c->metrics_group[0] == '\0' ||
	    metrics_gid(c) != (gid_t)-1;

	if (!good)
		diag_add(d, c->path, 0, "metrics: listen_group: there is no "
		    "group \"%s\"", c->metrics_group);
	return good;
}

static bool
check_metrics(const struct conf *c, struct diag *d)
{
	char problem[UNIX_SOCKET_PROBLEM_SIZE] = "";
	union listen_place p;

	if (!listen_parse(c->metrics_listen, &p))
		return true;		/* "" */
	if (http_version() == NULL)
		util_copy(problem, sizeof(problem),
		    "built without libmicrohttpd");
	else if (p.any.sa_family == AF_UNIX)
		(void)unix_socket_check(p.un.sun_path, problem);
	if (problem[0] != '\0')
		diag_add(d, c->path, 0, "metrics: listen: %s", problem);
	return problem[0] == '\0' && check_metrics_group(c, d);
}

static bool
open_metrics_unix(const struct conf *c, const char *path, struct diag *d)
{
	const struct unix_socket_wish w = { .path = path,
		.gid = metrics_gid(c), .group = c->metrics_group,
		.mode = c->metrics_mode };
	struct diag problems;

	diag_init(&problems);
	bool good = open_unix(c, HTTP_METRICS, w, &problems);
	for (size_t i = 0; i < problems.count; i++)
		diag_add(d, c->path, 0, "metrics: %s",
		    problems.entries[i].message);
	diag_fini(&problems);
	return good;
}

static bool
open_metrics(const struct conf *c, struct diag *d)
{
	union listen_place p;

	if (!listen_parse(c->metrics_listen, &p))
		return true;		/* "" */
	if (p.any.sa_family == AF_UNIX)
		return open_metrics_unix(c, p.un.sun_path, d);
	int fd = listen_open(&p);
	if (fd >= 0)
		doors[door_count++] = (struct http_door){ fd, HTTP_METRICS };
	else
		diag_add(d, c->path, 0, "metrics: cannot listen on %s: %s",
		    c->metrics_listen, strerror(errno));
	return fd >= 0;
}

bool
control_check(const struct conf *c, struct diag *d)
{
	bool good = check_control(c, d);

	return check_metrics(c, d) && good;
}

bool
control_open(const struct conf *c, struct diag *d)
{
	process_figures_open();
	return open_control_if_wanted(c, d) && check_metrics(c, d) &&
	    open_metrics(c, d);
}

static void
on_reloaded(void)
{
	http_wake(server);
}

bool
control_start(struct diag *d)
{
	if (door_count == 0)
		return true;
	status_begin();
	server = http_start(doors, door_count, routes, d);
	if (server == NULL)
		return false;
	ctl_reload_on_end(on_reloaded);
	return true;
}

void
control_stop(void)
{
	ctl_reload_on_end(NULL);
	http_stop(server);
	server = NULL;
	for (size_t i = 0; i < HTTP_DOORS_MAX; i++)
		unix_socket_remove(&places[i]);
}
