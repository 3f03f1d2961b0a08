/* SPDX-License-Identifier: BSD-2-Clause */
/* token: what goes in comes out, fits, and cannot be forged. */

#include "unit.h"

#include "base/util.h"
#include "dice.h"
#include "policy/token.h"

static const uint8_t keys[2][KEY_SIZE] = { { 1, 2, 3 }, { 4, 5, 6 } };

static void
set(struct token *t, const char *client, const char *domain,
    const char *receiver)
{
	assert_true(addr_parse(&t->client, client));
	token_set_name(t->domain, sizeof(t->domain), domain);
	token_set_name(t->receiver, sizeof(t->receiver), receiver);
}

static struct token
usual(void)
{
	struct token t = { .time_s = 1785000000, .result = RESULT_FAIL,
		.scope = SCOPE_MAILFROM, .level = 3 };

	set(&t, "192.0.2.1", "example.com", "mx.example.org");
	token_set_name(t.client_name, sizeof(t.client_name),
	    "mail.example.net");
	token_set_text(t.reason, sizeof(t.reason), "-all");
	return t;
}

static struct token
decoded(const char *text)
{
	struct token t;

	assert_true(token_decode(&t, text, keys, 1));
	return t;
}

static void
assert_same(const struct token *a, const struct token *b)
{
	assert_int_equal(a->time_s, b->time_s);
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->scope, b->scope);
	assert_int_equal(a->null_sender, b->null_sender);
	assert_int_equal(a->deferred, b->deferred);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->client.family, b->client.family);
	assert_memory_equal(a->client.bytes, b->client.bytes,
	    a->client.family == AF_INET6 ? 16 : 4);
	assert_string_equal(a->domain, b->domain);
	assert_string_equal(a->receiver, b->receiver);
}

/* Encodes with the first key. */
static const char *
encoded(const struct token *t)
{
	static char text[TOKEN_SIZE];

	memset(text, 'x', sizeof(text));
	token_encode(t, keys[0], text);
	assert_true(strlen(text) < 300);
	for (const char *p = text; *p != '\0'; p++)
		assert_true(util_is_alnum(*p) || *p == '-' || *p == '_');
	return text;
}

static void
test_facts_come_back(void **state)
{
	struct token t = usual();
	struct token back = decoded(encoded(&t));

	(void)state;
	assert_same(&t, &back);
	assert_string_equal(back.reason, "-all");
	assert_string_equal(back.client_name, "mail.example.net");
	assert_string_equal(back.rule, "");
	t.scope = SCOPE_HELO;
	t.null_sender = true;
	t.deferred = true;
	t.result = RESULT_PERMERROR;
	t.time_s = UINT32_MAX;
	t.level = 6;
	set(&t, "2001:db8::1", "helo.example.com", "");
	token_set_text(t.rule, sizeof(t.rule), "partners");
	back = decoded(encoded(&t));
	assert_same(&t, &back);
	assert_string_equal(back.rule, "partners");
}

/* As most mail will see it. */
static void
test_usual_token_is_short(void **state)
{
	struct token t = usual();

	(void)state;
	assert_true(strlen(encoded(&t)) <= 108);
}

static void
test_long_names_keep_their_end(void **state)
{
	char domain[254];
	char receiver[254];
	struct token t = usual();

	(void)state;
	for (size_t i = 0; i < 253; i++)
		domain[i] = i % 10 == 9 ? '.' : 'd';
	memcpy(domain + 245, ".example", 9);
	memcpy(receiver, domain, sizeof(domain));
	set(&t, "2001:db8::1", domain, receiver);
	token_set_name(t.client_name, sizeof(t.client_name), domain);
	memset(t.rule, 'r', TOKEN_RULE_MAX);
	t.rule[TOKEN_RULE_MAX] = '\0';
	memset(t.reason, 'e', TOKEN_REASON_MAX);
	t.reason[TOKEN_REASON_MAX] = '\0';

	struct token back = decoded(encoded(&t));
	size_t len = strlen(back.domain);
	assert_int_equal(strlen(encoded(&t)), TOKEN_SIZE - 1);
	assert_same(&t, &back);
	assert_true(len > TOKEN_DOMAIN_MAX - 10);
	assert_int_equal(back.domain[0], '.');
	assert_string_equal(back.domain, domain + 253 - len);
	assert_int_equal(back.receiver[0], '.');
	assert_string_equal(back.client_name, "");
	assert_int_equal(strspn(back.rule, "r"), strlen(back.rule));
}

/* None, one label, as long as can be, other than letters. */
static void
test_names_that_are_none(void **state)
{
	struct token t = usual();
	char label[400];

	(void)state;
	memset(label, 'l', sizeof(label));
	label[sizeof(label) - 1] = '\0';
	set(&t, "192.0.2.1", label, NULL);
	assert_int_equal(strlen(t.domain), TOKEN_DOMAIN_MAX);
	assert_string_equal(t.receiver, "");
	set(&t, "192.0.2.1", "a\nb\xc3-<c>", "");
	assert_string_equal(t.domain, "a?b?-<c>");
	label[TOKEN_DOMAIN_MAX] = '\0';
	set(&t, "192.0.2.1", label, "");
	assert_string_equal(t.domain, label);
}

static void
assert_problem(const char *problem, const char *local, const char *kept)
{
	struct token t = usual();

	token_set_problem(&t, problem, local);
	assert_string_equal(t.reason, kept);
}

/* Macros divide a local part at signs, and change nothing else of it. */
static void
test_problem_tells_nothing_of_the_local_part(void **state)
{
	(void)state;
	assert_problem("no SPF record at x.example", "alice",
	    "no SPF record at x.example");
	assert_problem("no SPF record at alice.x.example", "alice", "");
	assert_problem("no SPF record at Smith.x.example", "alice-smith", "");
	assert_problem("no SPF record at list.x.example", "bounce+list=a", "");
	assert_problem("more than 2 void DNS lookups: a:b%20c.x", "b c", "");
	assert_problem("no SPF record at u.x.example", "u", "");
	assert_problem("no SPF record at x.u", "u", "");
	assert_problem("too many DNS queries", "u", "too many DNS queries");
	assert_problem("too many DNS queries", "", "too many DNS queries");
	assert_problem("too many DNS queries", "+-=", "too many DNS queries");
	assert_problem("", "alice", "");
}

static void
test_only_the_keys_decode(void **state)
{
	struct token t = usual();
	const char *text = encoded(&t);
	const uint8_t other[1][KEY_SIZE] = { { 1, 2, 4 } };
	const uint8_t rotated[2][KEY_SIZE] = { { 7 }, { 1, 2, 3 } };

	(void)state;
	assert_true(token_decode(&t, text, keys, 2));
	assert_true(token_decode(&t, text, rotated, 2));
	assert_false(token_decode(&t, text, other, 1));
	assert_false(token_decode(&t, text, keys + 1, 1));
	assert_false(token_decode(&t, text, keys, 0));
}

/* Any change of a character, and any piece of it. */
static void
test_changed_tokens_are_refused(void **state)
{
	struct token t = usual();
	char text[TOKEN_SIZE];
	size_t len = strlen(encoded(&t));

	(void)state;
	for (size_t i = 0; i < len; i++) {
		util_copy(text, sizeof(text), encoded(&t));
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_false(token_decode(&t, text, keys, 2));
		text[i] = '\0';
		assert_false(token_decode(&t, text, keys, 2));
		t = usual();
	}
}

static void
test_texts_that_are_no_token(void **state)
{
	static const char *const texts[] = { "", "AAAA", "=", "A", " AAAA ",
		"AAAAAAAAAAAAAAAAAAAAAA==", "%41AAA", "\xff\xff\xff\xff" };
	struct token t;
	char *text = xcalloc(1, 5001);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(token_decode(&t, texts[i], keys, 2));
	for (size_t len = 0; len < 5000; len++) {
		text[len] = 'A';
		assert_false(token_decode(&t, text, keys, 2));
	}
	free(text);
}

static void
test_any_facts_fit(void **state)
{
	uint32_t d = 1;
	char name[300];

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct token t = { .result = (enum result)dice(&d, 7),
			.scope = (enum scope)dice(&d, 2),
			.level = (unsigned)dice(&d, 256) };
		size_t len = dice(&d, sizeof(name));

		for (size_t j = 0; j < len; j++)
			name[j] = (char)(1 + dice(&d, 255));
		name[len] = '\0';
		set(&t, dice(&d, 2) == 0 ? "192.0.2.1" : "2001:db8::1",
		    name, name + len / 2);
		token_set_text(t.rule, sizeof(t.rule), name + len / 3);
		token_set_problem(&t, name, "");
		struct token back = decoded(encoded(&t));
		assert_same(&t, &back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_come_back),
		cmocka_unit_test(test_usual_token_is_short),
		cmocka_unit_test(test_long_names_keep_their_end),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_problem_tells_nothing_of_the_local_part),
		cmocka_unit_test(test_only_the_keys_decode),
		cmocka_unit_test(test_changed_tokens_are_refused),
		cmocka_unit_test(test_texts_that_are_no_token),
		cmocka_unit_test(test_any_facts_fit),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
