/* SPDX-License-Identifier: BSD-2-Clause */
/* From relay to relay to the client. */

#include "unit.h"

#include <stdio.h>

#include "conf_text.h"
#include "mail/relay.h"

static const char relays[] =
    "relay { client = {10.0.0.0/24} refuse = yes }\n"
    "relay { client = {192.0.2.25, \"!10.0.0.9\"} }\n"
    "client_map = {\"172.16.0.1=192.0.2.25\", \"172.16.1.0/24=203.0.113.0/24\"}"
    "\n";

static struct conf *
load(void)
{
	struct diag d;

	diag_init(&d);
	struct conf *c = conf_from_text(relays, strlen(relays), NULL, &d);
	assert_non_null(c);
	diag_fini(&d);
	return c;
}

/* What the walk from a relay finds by these fields, NULL behind the last. */
static struct relay_origin
trace(const char *from, const char *const *fields)
{
	struct relay_fields f = { .count = 0 };
	struct relay_origin origin;
	struct conf *c = load();
	struct addr a;

	assert_true(addr_parse(&a, from));
	for (; *fields != NULL; fields++)
		relay_see_field(&f, *fields);
	relay_trace(c, &f, &a, &origin);
	relay_fini_fields(&f);
	conf_release(c);
	return origin;
}

static void
assert_client(const struct relay_origin *o, const char *client)
{
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&o->client, text), client);
}

#define BY(n, helo, client) "from " helo " (unknown [" client "])\n" \
	"\tby mx" n ".example.org (Postfix) with ESMTP id 1; date"

static void
test_walk_ends_at_the_first_that_is_no_relay(void **state)
{
	static const char *const fields[] = {
		BY("1", "b", "10.0.0.2"), BY("2", "c", "10.0.0.3"),
		BY("3", "client", "198.51.100.7"),
		BY("4", "forged", "10.0.0.4"), BY("5", "x", "192.0.2.1"), NULL
	};
	struct relay_origin o = trace("10.0.0.1", fields);

	(void)state;
	assert_null(o.problem);
	assert_client(&o, "198.51.100.7");
	assert_string_equal(o.helo, "client");
	assert_string_equal(o.by, "mx3.example.org");
	assert_true(o.refuse);
}

static void
test_every_relay_has_to_pass_on_a_refusal(void **state)
{
	static const char *const fields[] = {
		BY("1", "b", "192.0.2.25"), BY("2", "c", "198.51.100.7"), NULL
	};
	struct relay_origin o = trace("10.0.0.1", fields);

	(void)state;
	assert_client(&o, "198.51.100.7");
	assert_false(o.refuse);
}

static void
test_five_relays_are_walked_through_and_no_sixth(void **state)
{
	static const char *const fields[] = {
		BY("1", "b", "10.0.0.2"), BY("2", "c", "10.0.0.3"),
		BY("3", "d", "10.0.0.4"), BY("4", "e", "10.0.0.5"),
		BY("5", "f", "10.0.0.6"), BY("6", "g", "198.51.100.7"), NULL
	};
	struct relay_origin o = trace("10.0.0.1", fields);

	(void)state;
	assert_string_equal(o.problem, "more than 5 relays in a row");
	o = trace("10.0.0.2", fields + 1);
	assert_null(o.problem);
	assert_client(&o, "198.51.100.7");
}

static void
test_relay_that_says_nothing_ends_the_walk(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const half[] = {
		BY("1", "b", "10.0.0.2"), NULL
	};
	static const char *const odd[] = {
		BY("1", "b", "10.0.0.2"), "by mx2 (Postfix, from userid 0); d",
		BY("3", "c", "198.51.100.7"), NULL
	};

	(void)state;
	assert_string_equal(trace("10.0.0.1", none).problem,
	    "the relay has added no Received field");
	assert_string_equal(trace("10.0.0.1", half).problem,
	    "the relay has added no Received field");
	struct relay_origin o = trace("10.0.0.1", odd);
	assert_string_equal(o.problem,
	    "the Received field of the relay names no client");
	assert_client(&o, "10.0.0.2");
}

static void
test_qmail_writes_two_fields(void **state)
{
	static const char queue[] =
	    "(qmail 1 invoked from network); 26 Nov 2026";
	static const char *const fields[] = {
		queue, "from unknown (HELO b) (10.0.0.2)\n  by mx with SMTP; d",
		queue, "from unknown (HELO c) (198.51.100.7) by b with SMTP; d",
		NULL
	};
	static const char *const queues[] = {
		queue, queue, BY("1", "c", "198.51.100.7"), NULL
	};
	struct relay_origin o = trace("10.0.0.1", fields);

	(void)state;
	assert_null(o.problem);
	assert_client(&o, "198.51.100.7");
	assert_string_equal(o.helo, "c");
	assert_non_null(trace("10.0.0.1", queues).problem);
}

static void
test_addresses_are_those_of_the_map(void **state)
{
	static const char *const fields[] = {
		BY("1", "b", "172.16.0.1"), BY("2", "c", "172.16.1.77"), NULL
	};
	struct relay_origin o = trace("10.0.0.1", fields);

	(void)state;
	assert_null(o.problem);
	assert_client(&o, "203.0.113.77");
}

static void
test_long_fields_and_names_are_no_trouble(void **state)
{
	char *padded = xasprintf("%s%4000s", BY("1", "b", "198.51.100.7"), "");
	char *name = xasprintf("from b (b [198.51.100.7]) by %080d; date", 1);
	char *helo = xasprintf("from %0255d (b [198.51.100.7]) by b; date", 1);
	const char *const too_long[] = { padded, NULL };
	const char *const long_name[] = { name, NULL };
	const char *const long_helo[] = { helo, NULL };

	(void)state;
	assert_non_null(trace("10.0.0.1", too_long).problem);
	assert_null(trace("10.0.0.1", long_name).problem);
	assert_string_equal(trace("10.0.0.1", long_name).by, "");
	assert_int_equal(strlen(trace("10.0.0.1", long_helo).helo), 255);
	free(helo);
	free(name);
	free(padded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_ends_at_the_first_that_is_no_relay),
		cmocka_unit_test(test_every_relay_has_to_pass_on_a_refusal),
		cmocka_unit_test(
		    test_five_relays_are_walked_through_and_no_sixth),
		cmocka_unit_test(test_relay_that_says_nothing_ends_the_walk),
		cmocka_unit_test(test_qmail_writes_two_fields),
		cmocka_unit_test(test_addresses_are_those_of_the_map),
		cmocka_unit_test(test_long_fields_and_names_are_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
