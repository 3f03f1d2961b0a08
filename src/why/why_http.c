/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread serves all connections; making a page takes it some microseconds.
 * A look at the DNS takes longer: its connection is suspended meanwhile.
 *
 * A connection is for one request, and has a fixed time in all: the library's
 * own timeout begins anew with each octet, so that a client that sends one now
 * and then would keep its place for ever.
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/places.h"
#include "why/why_http.h"

#define CONNECTIONS_MAX 256
#define CONNECTION_MS 30000
#define IDLE_S 10
#define CONNECTION_MEMORY 16384	/* the head of a request, and more */
#define BODY_MAX 4096		/* of which nothing is read */
#define STACK_SIZE (256 * 1024)

struct why_http {
	const struct why_site	*site;
	struct why_rechecks	*rechecks;
	struct MHD_Daemon	*daemon;
	char			*policy;	/* Content-Security-Policy */
	struct lock		 lock;
	struct place		 places[CONNECTIONS_MAX];	/* lock */
};

struct request {
	struct MHD_Connection	*connection;
	struct why_recheck	*recheck;
	bool			 asked;		/* for a recheck */
	size_t			 body;
};

/* Connections and their time. */

static void
on_connection(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct why_http *h = arg;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	struct place *p = *context;

	lock_acquire(&h->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = places_take(h->places, CONNECTIONS_MAX,
		    info->connect_fd, util_now_ms(), CONNECTION_MS);
	else if (p != NULL)
		p->fd = -1;
	lock_release(&h->lock);
}

void
why_http_expire(struct why_http *h, int64_t now_ms)
{
	lock_acquire(&h->lock);
	places_end_late(h->places, CONNECTIONS_MAX, now_ms);
	lock_release(&h->lock);
}

/* Requests. */

static struct why_request
request_of(struct MHD_Connection *c)
{
	return (struct why_request){
		.token = MHD_lookup_connection_value(c,
		    MHD_GET_ARGUMENT_KIND, "t"),
		.language = MHD_lookup_connection_value(c,
		    MHD_GET_ARGUMENT_KIND, "l"),
		.accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
		    MHD_HTTP_HEADER_ACCEPT_LANGUAGE),
	};
}

/*
 * Who asks.  A web server before us comes from this machine, and puts the
 * address last in X-Forwarded-For; what stands before it anybody can claim.
 */
static struct addr
client_of(struct MHD_Connection *c)
{
	struct addr a = { .family = AF_UNSPEC };
	const char *forwarded = MHD_lookup_connection_value(c,
	    MHD_HEADER_KIND, "X-Forwarded-For");
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (addr_from_sockaddr(&a, info->client_addr) && !addr_is_loopback(&a))
		return a;
	if (forwarded != NULL) {
		const char *comma = strrchr(forwarded, ',');

		forwarded = comma != NULL ? comma + 1 : forwarded;
		(void)addr_parse(&a, forwarded + strspn(forwarded, " "));
	}
	return a;
}

static void
add_fields(const struct why_http *h, struct MHD_Response *r,
    const char *language)
{
	const char *const fields[][2] = {
		{ MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8" },
		{ MHD_HTTP_HEADER_CONTENT_LANGUAGE, language },
		{ "Content-Security-Policy", h->policy },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "X-Robots-Tag", "noindex, nofollow" },
		{ MHD_HTTP_HEADER_VARY, "Accept-Language" },
		{ MHD_HTTP_HEADER_CONNECTION, "close" },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		(void)MHD_add_response_header(r, fields[i][0], fields[i][1]);
}

static enum MHD_Result
send_page(struct why_http *h, struct MHD_Connection *c,
    const struct why_check *check)
{
	struct why_request q = request_of(c);
	char *page = NULL;
	size_t len;
	FILE *out = open_memstream(&page, &len);

	assert(out != NULL);
	const char *language = why_site_answer(h->site, &q, check, time(NULL),
	    out);
	int failed = fclose(out);
	assert(failed == 0);
	struct MHD_Response *r = MHD_create_response_from_buffer(len, page,
	    MHD_RESPMEM_MUST_FREE);
	assert(r != NULL);
	add_fields(h, r, language);
	enum MHD_Result done = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result
refuse_method(struct MHD_Connection *c)
{
	static char text[] = "GET, HEAD or POST is wanted\n";
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    strlen(text), text, MHD_RESPMEM_PERSISTENT);

	assert(r != NULL);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
	    "GET, HEAD, POST");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result done = MHD_queue_response(c,
	    MHD_HTTP_METHOD_NOT_ALLOWED, r);
	MHD_destroy_response(r);
	return done;
}

/* Rechecks. */

static void
on_recheck(void *arg)
{
	struct request *r = arg;

	MHD_resume_connection(r->connection);
}

/* Suspends the connection before anybody can resume it. */
static enum MHD_Result
start_recheck(struct why_http *h, struct MHD_Connection *c,
    struct request *r, const struct token *token)
{
	const struct addr client = client_of(c);

	r->asked = true;
	r->connection = c;
	MHD_suspend_connection(c);
	r->recheck = why_recheck_start(h->rechecks, token, &client,
	    on_recheck, r);
	if (r->recheck == NULL)
		MHD_resume_connection(c);
	return MHD_YES;
}

static enum MHD_Result
answer_post(struct why_http *h, struct MHD_Connection *c, struct request *r)
{
	static const struct why_check busy = { .end = WHY_CHECK_BUSY };
	struct token token;

	if (h->rechecks == NULL || !why_site_token(h->site,
	    request_of(c).token, time(NULL), &token))
		return send_page(h, c, NULL);
	if (!r->asked)
		return start_recheck(h, c, r, &token);
	return send_page(h, c, r->recheck != NULL ?
	    why_recheck_result(r->recheck) : &busy);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **context)
{
	struct why_http *h = arg;
	struct request *r = *context;

	(void)url;
	(void)version;
	(void)data;
	if (r == NULL) {
		*context = xcalloc(1, sizeof(*r));
		return MHD_YES;
	}
	if (*size > 0) {
		r->body += *size;
		*size = 0;
		return r->body <= BODY_MAX ? MHD_YES : MHD_NO;
	}
	if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
		return answer_post(h, c, r);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse_method(c);
	return send_page(h, c, NULL);
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct request *r = *context;

	(void)arg;
	(void)c;
	(void)code;
	if (r != NULL)
		why_recheck_free(r->recheck);
	free(r);
}

/* Start and stop. */

struct why_http *
why_http_start(int listener, const struct why_site *site,
    struct why_rechecks *rechecks, struct diag *d)
{
	struct why_http *h = xcalloc(1, sizeof(*h));

	h->site = site;
	h->rechecks = rechecks;
	h->policy = xasprintf("default-src 'none'; style-src '%s'; "
	    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	    site->texts->style_hash);
	lock_init(&h->lock);
	places_init(h->places, CONNECTIONS_MAX);
	h->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD |
	    MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
	    MHD_OPTION_LISTEN_SOCKET, listener,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_END);
	if (h->daemon != NULL)
		return h;
	diag_add(d, NULL, 0, "cannot serve HTTP: %s", strerror(errno));
	close(listener);
	why_http_stop(h);
	return NULL;
}

void
why_http_stop(struct why_http *h)
{
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	lock_fini(&h->lock);
	free(h->policy);
	free(h);
}

const char *
why_http_version(void)
{
	return MHD_get_version();
}
