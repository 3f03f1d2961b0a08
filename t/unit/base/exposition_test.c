/* SPDX-License-Identifier: BSD-2-Clause */
/* Metrics as text, in both formats. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/exposition.h"

struct output {
	char	*text;
	size_t	 len;
	FILE	*file;
};

static struct exposition
begin(struct output *o, const char *accept)
{
	o->file = open_memstream(&o->text, &o->len);
	assert_non_null(o->file);
	return exposition_new(o->file, accept);
}

static void
expect(struct output *o, const char *want)
{
	assert_int_equal(fclose(o->file), 0);
	assert_string_equal(o->text, want);
	free(o->text);
}

static void
put_some(struct exposition *e)
{
	exposition_begin(e, "a", EXPOSITION_COUNTER, "Things");
	exposition_value(e, "", 3);
	exposition_value(e, "kind=\"x\"", UINT64_MAX);
	exposition_begin(e, "b_bytes", EXPOSITION_GAUGE, "Octets");
	exposition_micro(e, "", 2500000);
	exposition_begin(e, "c", EXPOSITION_INFO, "What it is");
	exposition_value(e, "version=\"1\"", 1);
	exposition_end(e);
}

static void
test_the_old_format_calls_samples_and_metrics_the_same(void **state)
{
	(void)state;
	struct output o;
	struct exposition e = begin(&o, "text/plain");

	put_some(&e);
	assert_string_equal(exposition_type(&e),
	    "text/plain; version=0.0.4; charset=utf-8");
	expect(&o,
	    "# HELP a_total Things.\n# TYPE a_total counter\n"
	    "a_total 3\na_total{kind=\"x\"} 18446744073709551615\n"
	    "# HELP b_bytes Octets.\n# TYPE b_bytes gauge\nb_bytes 2.5\n"
	    "# HELP c_info What it is.\n# TYPE c_info gauge\n"
	    "c_info{version=\"1\"} 1\n");
}

static void
test_openmetrics_has_units_and_an_end(void **state)
{
	(void)state;
	struct output o;
	struct exposition e = begin(&o,
	    "Application/OpenMetrics-Text;version=1.0.0,text/plain;q=0.5");

	put_some(&e);
	assert_string_equal(exposition_type(&e), "application/openmetrics-text"
	    "; version=1.0.0; charset=utf-8");
	expect(&o,
	    "# HELP a Things.\n# TYPE a counter\n"
	    "a_total 3\na_total{kind=\"x\"} 18446744073709551615\n"
	    "# HELP b_bytes Octets.\n# TYPE b_bytes gauge\n"
	    "# UNIT b_bytes bytes\nb_bytes 2.5\n"
	    "# HELP c What it is.\n# TYPE c info\n"
	    "c_info{version=\"1\"} 1\n# EOF\n");
}

static void
test_buckets_count_what_is_below(void **state)
{
	(void)state;
	static const uint64_t bounds[] = { 500, 1000000, UINT64_MAX };
	static const uint64_t buckets[] = { 2, 3, 5 };
	struct output o;
	struct exposition e = begin(&o, "");

	exposition_begin(&e, "t_seconds", EXPOSITION_HISTOGRAM, "Times");
	exposition_histogram(&e, bounds, buckets, 3, 100000020);
	exposition_end(&e);
	expect(&o,
	    "# HELP t_seconds Times.\n# TYPE t_seconds histogram\n"
	    "t_seconds_bucket{le=\"0.0005\"} 2\n"
	    "t_seconds_bucket{le=\"1.0\"} 5\n"
	    "t_seconds_bucket{le=\"+Inf\"} 10\n"
	    "t_seconds_count 10\nt_seconds_sum 100.00002\n");
}

static void
test_label_is_escaped(void **state)
{
	(void)state;
	char storage[80];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	exposition_label(&sb, "rule", "a \"b\" \\c\nd");
	exposition_label(&sb, "n", "");
	assert_true(sbuf_ok(&sb));
	assert_string_equal(storage,
	    "rule=\"a \\\"b\\\" \\\\c\\nd\",n=\"\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_old_format_calls_samples_and_metrics_the_same),
		cmocka_unit_test(test_openmetrics_has_units_and_an_end),
		cmocka_unit_test(test_buckets_count_what_is_below),
		cmocka_unit_test(test_label_is_escaped),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
