/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers from rdata. */
#include "unit.h"

#include "base/stats.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"
#include "spf/record.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void
add_octets(struct dns_answer *a, const void *rdata, size_t len)
{
	/* From storage of its own size, so that a read past its end is seen. */
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, rdata, len);
	dns_answer_add(a, copy, len);
	free(copy);
}

/* As wire: each string with its length. */
static void
add_txt(struct dns_answer *a, const char *text)
{
	uint8_t wire[65535];
	size_t len = strlen(text);
	size_t n = 0;

	do {
		size_t piece = len > 255 ? 255 : len;
		wire[n++] = (uint8_t)piece;
		memcpy(wire + n, text, piece);
		n += piece;
		text += piece;
		len -= piece;
	} while (len > 0);
	add_octets(a, wire, n);
}

static void
test_answer_txt_joins_strings_of_any_octets(void **state)
{
	static const char rdata[] = "\003a\0b\000\002\xff\x80";
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	add_octets(a, rdata, sizeof(rdata) - 1);
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, 5);
	assert_memory_equal(a->rr[0].data, "a\0b\xff\x80", 6);
	assert_int_equal(a->spf_count, 0);
	dns_answer_release(a);
}

static void
test_answer_txt_malformed_is_dropped_and_counted(void **state)
{
	static const char *const bad[] = { "\001", "\005v=sp", "\001a\002b" };
	uint64_t before = stats_get(STATS_DNS_BAD_ANSWERS);
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		add_octets(a, bad[i], strlen(bad[i]));
	add_octets(a, "", 0);
	add_txt(a, "good");
	dns_answer_finish(a);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->count, 1);
	assert_string_equal(a->rr[0].data, "good");
	assert_int_equal(stats_get(STATS_DNS_BAD_ANSWERS), before + 1);
	dns_answer_release(a);
}

static void
test_answer_without_good_records_is_temperror(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_A, 60);

	(void)state;
	add_octets(a, "\300\0\2", 3);
	add_octets(a, "\300\0\2\1\1", 5);
	dns_answer_finish(a);
	assert_int_equal(a->status, DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_UNUSABLE);
	assert_string_equal(a->problem, "unusable answer");
	assert_int_equal(a->count, 0);
	dns_answer_release(a);
}

static void
test_answer_parses_its_spf_record(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	add_txt(a, "unrelated");
	add_txt(a, "v=spf1 mx -all");
	dns_answer_finish(a);
	assert_int_equal(a->spf_count, 1);
	assert_non_null(a->spf);
	assert_string_equal(a->spf->text, "v=spf1 mx -all");
	assert_null(a->spf_error.message);
	dns_answer_release(a);

	a = fake_txt("v=spf1 bogus", 60);
	assert_int_equal(a->spf_count, 1);
	assert_null(a->spf);
	assert_non_null(a->spf_error.message);
	assert_int_equal(a->spf_error.offset, 7);
	dns_answer_release(a);
}

static void
test_answer_tells_where_strings_of_the_record_join(void **state)
{
	static const char rdata[] = "\007v=spf1 " "\000\002mx\005 -all";
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	add_octets(a, "\001a\001b", 4);
	add_octets(a, rdata, sizeof(rdata) - 1);
	dns_answer_finish(a);
	assert_string_equal(a->spf->text, "v=spf1 mx -all");
	assert_int_equal(a->spf_joint_count, 2);
	assert_int_equal(a->spf_joints[0], 7);
	assert_int_equal(a->spf_joints[1], 9);
	dns_answer_release(a);
}

static void
test_answer_keeps_texts_that_are_nearly_records(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	for (int i = 0; i < 5; i++)
		add_txt(a, "plain");
	add_txt(a, "spf2.0/pra -all");
	add_txt(a, "\"v=spf1 -all\"");
	add_txt(a, "v=spf2 -all");
	dns_answer_finish(a);
	assert_int_equal(a->count, 4);
	assert_int_equal(a->spf_count, 0);
	assert_string_equal(a->rr[2].data, "spf2.0/pra -all");
	assert_string_equal(a->rr[3].data, "\"v=spf1 -all\"");
	dns_answer_release(a);
}

static void
test_answer_tells_the_size_of_all_texts(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_SPF, 60);

	(void)state;
	for (int i = 0; i < 5; i++)
		add_txt(a, "four");
	dns_answer_finish(a);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->wire_size, 5 * (12 + 5));
	dns_answer_release(a);
}

static void
test_answer_counts_all_spf_records_and_keeps_two(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	for (int i = 0; i < 5; i++) {
		add_txt(a, "v=spf1 -all");
		add_txt(a, "plain");
	}
	dns_answer_finish(a);
	assert_int_equal(a->spf_count, 5);
	assert_null(a->spf);
	assert_null(a->spf_error.message);
	assert_int_equal(a->count, 4);
	dns_answer_release(a);
}

static void
test_answer_long_text_is_cut_and_refused_as_record(void **state)
{
	static char text[60001];
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	add_txt(a, text);
	memcpy(text, "v=spf1 ", 7);
	add_txt(a, text);
	dns_answer_finish(a);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->rr[0].len, RECORD_TEXT_MAX + 1);
	assert_int_equal(a->rr[1].len, RECORD_TEXT_MAX + 1);
	assert_int_equal(a->spf_count, 1);
	assert_null(a->spf);
	assert_non_null(a->spf_error.message);
	assert_true(a->octets < 20000);
	dns_answer_release(a);
}

static void
test_answer_mx_by_preference_then_as_received(void **state)
{
	static const char *const rdata[] = {
		"\0\024\001b\0", "\0\012\001c\0", "\0\024\001a\0",
		"\0\005\004mail\007example\003com\0"
	};
	static const size_t len[] = { 5, 5, 5, 20 };
	static const char *const want[] = {
		"mail.example.com", "c", "b", "a"
	};
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_MX, 60);

	(void)state;
	for (size_t i = 0; i < COUNT(rdata); i++)
		add_octets(a, rdata[i], len[i]);
	dns_answer_finish(a);
	assert_int_equal(a->count, 4);
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(a->rr[i].data, want[i]);
	assert_int_equal(a->rr[0].preference, 5);
	assert_int_equal(a->rr[0].len, strlen(want[0]));
	dns_answer_release(a);
}

static void
test_answer_null_mx_is_the_root(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_MX, 60);

	(void)state;
	add_octets(a, "\0\0\0", 3);
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_string_equal(a->rr[0].data, "");
	dns_answer_release(a);
}

static void
test_answer_name_malformed_is_dropped(void **state)
{
	static const struct {
		const char	*rdata;
		size_t		 len;
	} bad[] = {
		{ "", 0 }, { "\001a", 2 }, { "\003ab\0", 4 },
		{ "\001a\0x", 4 }, { "\300\014", 2 }, { "\001a\300\0", 4 },
		{ "\003a.b\0", 5 }, { "\003a\0b\0", 5 }, { "\100", 1 }
	};
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_PTR, 60);
	char longest[300] = "";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		add_octets(a, bad[i].rdata, bad[i].len);
	memset(longest, 64, 65);		/* a label of 64 octets */
	add_octets(a, longest, 66);
	for (size_t i = 0; i < 256; i += 2)
		memcpy(longest + i, "\001x", 2);
	add_octets(a, longest, 257);		/* 128 labels */
	add_octets(a, longest + 2, 255);	/* 127, as long as can be */
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, 253);
	dns_answer_release(a);
}

static void
test_answer_keeps_octets_of_labels(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_PTR, 60);

	(void)state;
	add_octets(a, "\004A \xff%\001b\0", 8);
	dns_answer_finish(a);
	assert_string_equal(a->rr[0].data, "A \xff%.b");
	dns_answer_release(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_txt_joins_strings_of_any_octets),
		cmocka_unit_test(
		    test_answer_txt_malformed_is_dropped_and_counted),
		cmocka_unit_test(test_answer_without_good_records_is_temperror),
		cmocka_unit_test(test_answer_parses_its_spf_record),
		cmocka_unit_test(
		    test_answer_tells_where_strings_of_the_record_join),
		cmocka_unit_test(
		    test_answer_keeps_texts_that_are_nearly_records),
		cmocka_unit_test(test_answer_tells_the_size_of_all_texts),
		cmocka_unit_test(
		    test_answer_counts_all_spf_records_and_keeps_two),
		cmocka_unit_test(
		    test_answer_long_text_is_cut_and_refused_as_record),
		cmocka_unit_test(test_answer_mx_by_preference_then_as_received),
		cmocka_unit_test(test_answer_null_mx_is_the_root),
		cmocka_unit_test(test_answer_name_malformed_is_dropped),
		cmocka_unit_test(test_answer_keeps_octets_of_labels)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
