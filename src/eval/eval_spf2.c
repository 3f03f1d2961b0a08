/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door to libspf2, and the only file that includes its headers.
 *
 * libspf2 evaluates: the order of terms, qualifiers, prefix lengths, what the
 * result of an include or redirect means.  It compiles our canonical texts
 * (eval_canon.c), and every question it asks is about a mark in them.  It is
 * given no sender, HELO or explanation: macros are expanded on our side, and
 * without a sender it leaves out most of the result texts that nobody reads.
 * SPF_request_query_mailfrom is not used, since it passes loopback clients
 * unasked; its own limits are set out of reach, since it counts each include
 * from zero.
 *
 * It calls its error handler and aborts where memory is out, where the DNS
 * layer returns NULL (ours never does) and where it finds itself misused.
 */

#include "config.h"

#include <assert.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <arpa/nameser.h>
#include <netdb.h>

#include <spf2/spf.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/result.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval_priv.h"

/* "_-252-9.x" with NUL, with room. */
#define MARK_SIZE 32

/* The attribute is part of the type in libspf2's header. */
static void on_error(const char *file, int line, const char *message)
    __attribute__((noreturn));

static void
on_error(const char *file, int line, const char *message)
{
	log_error("libspf2: %s (%s:%d)", message, file == NULL ? "?" : file,
	    line);
	assert(false && "libspf2 cannot go on");
}


void
eval_spf2_init(void)
{
	SPF_error_handler = on_error;
	SPF_warning_handler = NULL;
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
}

const char *
eval_version(void)
{
	static char text[48];
	int major = 0;
	int minor = 0;
	int patch = 0;

	if (text[0] == '\0') {
		SPF_get_lib_version(&major, &minor, &patch);
		(void)snprintf(text, sizeof(text), "libspf2 %d.%d.%d", major,
		    minor, patch);
	}
	return text;
}

/* "_-N.x", or "_-N-K.x" for a host of an mx term: true. */
static bool
mark_parse(const char *name, size_t *mark, size_t *host)
{
	size_t len = strlen(name);
	uint64_t n = 0;
	uint64_t k = 0;

	assert(len > 4 && name[0] == '_' && name[1] == '-' &&
	    name[len - 2] == '.' && name[len - 1] == 'x');
	name += 2;
	len -= 4;
	const char *dash = memchr(name, '-', len);
	size_t first = dash == NULL ? len : (size_t)(dash - name);
	bool ok = util_parse_uint(name, first, SIZE_MAX, &n) &&
	    (dash == NULL ||
	    util_parse_uint(dash + 1, len - first - 1, SIZE_MAX, &k));
	assert(ok);
	*mark = (size_t)n;
	*host = (size_t)k;
	return dash != NULL;
}

/* Room for record i of len octets at the end of rr. */
static void *
add_record(SPF_dns_rr_t *rr, size_t len)
{
	SPF_errcode_t e = SPF_dns_rr_buf_realloc(rr, rr->num_rr, len);

	assert(e == SPF_E_SUCCESS);
	void *data = rr->rr[rr->num_rr++];
	memset(data, 0, len);
	return data;
}

static void
add_hosts(SPF_dns_rr_t *rr, size_t mark, size_t count)
{
	char name[MARK_SIZE];

	for (size_t k = 0; k < count; k++) {
		int len = snprintf(name, sizeof(name), "_-%zu-%zu.x", mark, k);

		assert(len > 0 && (size_t)len < sizeof(name));
		memcpy(add_record(rr, (size_t)len + 1), name, (size_t)len + 1);
	}
}

static void
add_addresses(SPF_dns_rr_t *rr, const struct dns_answer *answer, size_t size)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->rr[i].len == size)
			memcpy(add_record(rr, size), answer->rr[i].data, size);
}

static SPF_dns_rr_t *
lookup(SPF_dns_server_t *layer, const char *name, ns_type type,
    int should_cache)
{
	struct eval_run *run = layer->hook;
	const struct dns_answer *answer = NULL;
	size_t size = type == ns_t_aaaa ? 16 : 4;
	size_t mark;
	size_t host;

	(void)should_cache;
	bool is_host = mark_parse(name, &mark, &host);
	enum eval_reply reply = is_host ?
	    eval_mark_host(run, mark, host, &answer) :
	    eval_mark_query(run, mark, &answer);
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(layer, NULL, type, 0, NO_DATA);
	assert(rr != NULL);
	switch (reply) {
	case EVAL_REPLY_UNWIND:
		rr->herrno = TRY_AGAIN;
		break;
	case EVAL_REPLY_NOTHING:
		break;
	case EVAL_REPLY_CLIENT:
		memcpy(add_record(rr, size), run->in->client.bytes, size);
		break;
	case EVAL_REPLY_RECORDS:
		if (type == ns_t_mx)
			add_hosts(rr, mark, answer->count);
		else
			add_addresses(rr, answer, size);
		break;
	}
	if (rr->num_rr > 0)
		rr->herrno = NETDB_SUCCESS;
	return rr;
}

static SPF_record_t *
compile(SPF_server_t *server, SPF_response_t *response,
    const struct eval_canon *text)
{
	SPF_record_t *record = NULL;
	SPF_errcode_t e = SPF_record_compile(server, response, &record,
	    text->text);

	/* It drops terms beyond its size limit without a word. */
	assert(e == SPF_E_SUCCESS && record != NULL &&
	    record->num_mech == text->terms);
	return record;
}

/*
 * Called for the domain of request: a mark.  What it returns as an error is
 * of no interest, as the run has stopped then; a DNS error unwinds.
 */
static SPF_errcode_t
get_record(SPF_server_t *server, SPF_request_t *request,
    SPF_response_t *response, SPF_record_t **out)
{
	struct eval_run *run = server->resolver->hook;
	struct eval_canon text;
	size_t mark;
	size_t host;

	*out = NULL;
	bool is_host = mark_parse(request->cur_dom, &mark, &host);
	assert(!is_host);
	if (!eval_mark_open(run, mark, &text))
		return SPF_E_DNS_ERROR;
	*out = compile(server, response, &text);
	return SPF_E_SUCCESS;
}

static enum result
to_result(SPF_result_t r)
{
	switch (r) {
	case SPF_RESULT_NEUTRAL:
		return RESULT_NEUTRAL;
	case SPF_RESULT_PASS:
		return RESULT_PASS;
	case SPF_RESULT_FAIL:
		return RESULT_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return RESULT_SOFTFAIL;
	case SPF_RESULT_NONE:
		return RESULT_NONE;
	case SPF_RESULT_PERMERROR:
		return RESULT_PERMERROR;
	case SPF_RESULT_TEMPERROR:
	case SPF_RESULT_INVALID:
		return RESULT_TEMPERROR;
	}
	return RESULT_TEMPERROR;
}

static void
set_client(SPF_request_t *request, const struct addr *client)
{
	struct in_addr v4;
	struct in6_addr v6;

	assert(client->family == AF_INET || client->family == AF_INET6);
	if (client->family == AF_INET) {
		memcpy(&v4, client->bytes, sizeof(v4));
		(void)SPF_request_set_ipv4(request, v4);
	} else {
		memcpy(&v6, client->bytes, sizeof(v6));
		(void)SPF_request_set_ipv6(request, v6);
	}
}

struct eval_spf2 {
	SPF_dns_server_t	 layer;
	SPF_server_t		*server;
	SPF_request_t		*request;
};

struct eval_spf2 *
eval_spf2_new(void)
{
	struct eval_spf2 *e = xcalloc(1, sizeof(*e));

	e->layer.lookup = lookup;
	e->layer.get_spf = get_record;
	e->layer.name = "spf-milter";
	/* Fails only where the host's name is over 63 octets. */
	e->server = SPF_server_new_dns(&e->layer, 0);
	assert(e->server != NULL);
	(void)SPF_server_set_max_dns_mech(e->server, INT_MAX);
	e->request = SPF_request_new(e->server);
	assert(e->request != NULL);
	return e;
}

enum result
eval_spf2_check(struct eval_run *run, const struct eval_canon *text,
    bool *matched)
{
	struct eval_spf2 *e = run->spf2;

	e->layer.hook = run;
	set_client(e->request, &run->in->client);
	e->request->cur_dom = "_-0.x";
	SPF_response_t *response = SPF_response_new(e->request);
	assert(response != NULL);
	SPF_record_t *record = compile(e->server, response, text);
	response->spf_record_exp = record;
	(void)SPF_record_interpret(record, e->request, response, 0);
	enum result result = to_result(SPF_response_result(response));
	*matched = SPF_response_reason(response) == SPF_REASON_MECH;
	SPF_record_free(record);
	SPF_response_free(response);
	return result;
}
