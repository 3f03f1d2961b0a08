/* SPDX-License-Identifier: BSD-2-Clause */
/* The picture of the daemon's state: what is where, and that it fits. */

#include "unit.h"

#include <stdio.h>

#include "daemon/status.h"

static const char first[] =
    "{\"version\": \"1.2\", \"pid\": 7, \"started\": 1000, \"uptime\": 93784,"
    "\"configuration\": {\"path\": \"/c\", \"behavior\": 3, \"reload\": null},"
    "\"socket\": \"s\", \"confined\": \"seccomp\","
    "\"counters\": {\"messages\": 100, \"result_pass\": 90000000,"
    "\"skipped_trusted\": 2, \"skipped_auth\": 3},"
    "\"ready\": true, \"sessions\": {\"open\": 12, \"total\": 90},"
    "\"flights\": 5, \"cache\": {\"entries\": 77, \"octets\": 2621440,"
    "\"octets_max\": 67108864, \"hit_ratio\": 0.875},"
    "\"dns\": {\"failing\": false, \"servers\": ["
    "{\"address\": \"192.0.2.1\", \"state\": \"answers\"},"
    "{\"address\": \"192.0.2.2\", \"state\": \"silent\"}]},"
    "\"rules\": [{\"name\": \"x\\u001b[31m\", \"hits\": 4,"
    "\"last\": 94764, \"age\": 20}],"
    "\"slowest\": [{\"domain\": \"slow.example\", \"milliseconds\": 4321,"
    "\"time\": 9, \"age\": 600}],"
    "\"errors\": [{\"text\": \"bad\\n\", \"level\": \"error\","
    "\"time\": 9, \"age\": 7200}]}";
static const char second[] =
    "{\"version\": \"1.2\", \"pid\": 7, \"started\": 1000, \"uptime\": 93786,"
    "\"configuration\": {\"path\": \"/c\", \"behavior\": 3,"
    "\"reload\": {\"time\": 5, \"good\": false}},"
    "\"socket\": \"s\", \"confined\": \"seccomp\","
    "\"counters\": {\"messages\": 125, \"result_pass\": 90000000}}";

static char *
draw(const char *now, const char *before, struct screen_size size,
    const char *trouble)
{
	struct status_reading n = { .at_ms = 52000 }, b = { .at_ms = 50000 };
	struct terminal t = { 0 };
	char *text = NULL;
	size_t len = 0;

	t.out = open_memstream(&text, &len);
	assert_non_null(t.out);
	n.document = now != NULL ? json_loads(now, 0, NULL) : NULL;
	b.document = before != NULL ? json_loads(before, 0, NULL) : NULL;
	assert_true(now == NULL || n.document != NULL);
	status_draw(&n, before != NULL ? &b : NULL, size, trouble, &t);
	assert_int_equal(fclose(t.out), 0);
	json_decref(n.document);
	json_decref(b.document);
	return text;
}

static void
check_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
check_fits(const char *text, struct screen_size size)
{
	unsigned rows = 0;

	for (; *text != '\0'; rows++) {
		size_t len = strcspn(text, "\n");

		assert_true(len <= size.columns);
		assert_int_equal(text[len], '\n');
		text += len + 1;
	}
	assert_true(rows <= size.rows);
}

static void
test_what_matters_most_is_in_80x24(void **state)
{
	const struct screen_size size = { 80, 24 };
	char *text = draw(first, NULL, size, NULL);

	(void)state;
	check_fits(text, size);
	check_has(text, "spf-milter 1.2, up 1d 02:03:04, level 3, process 7\n");
	check_has(text, "\nrunning, confined by seccomp\n");
	check_has(text, " pass         90.0M   960");
	check_has(text, " not checked      5 ");
	check_has(text, " connections     12");
	check_has(text, " cache hits   87.5%");
	check_has(text, " cache uses    2.5M");
	check_has(text, "\nName servers 192.0.2.1 answers  192.0.2.2 silent\n");
	check_has(text, "\n       4  20s  x\\x1b[31m ");
	check_has(text, "    4321  10m  slow.example\n");
	check_has(text, "\n   2h  bad\\x0a\n");
	assert_null(strchr(text, '\033'));
	free(text);
}

static void
test_rates_are_of_two_readings(void **state)
{
	const struct screen_size size = { 80, 24 };
	char *text = draw(second, first, size, NULL);

	(void)state;
	check_has(text, "of the last 2.0 s");
	check_has(text, " messages       125  12.5 ");
	check_has(text, "the last reload failed");
	free(text);
}

static void
test_another_daemon_has_no_rates_yet(void **state)
{
	char *other = strdup(first);
	char *text;

	(void)state;
	strstr(other, "\"pid\": 7")[7] = '8';
	text = draw(second, other, (struct screen_size){ 80, 24 }, NULL);
	check_has(text, " messages       125     0 ");
	assert_null(strstr(text, "rates"));
	free(other);
	free(text);
}

static void
test_nothing_is_wider_or_longer_than_the_terminal(void **state)
{
	(void)state;
	for (unsigned columns = 1; columns < 260; columns++)
		for (unsigned rows = 1; rows < 60; rows += 7) {
			const struct screen_size size = { columns, rows };
			char *text = draw(first, second, size,
			    columns % 2 ? "trouble" : NULL);

			check_fits(text, size);
			free(text);
		}
}

static void
test_wider_terminals_have_more_side_by_side(void **state)
{
	char *text = draw(first, NULL, (struct screen_size){ 140, 24 }, NULL);
	const char *mail = strstr(text, "Mail");

	(void)state;
	check_has(mail, "DNS");
	assert_true((size_t)(strstr(mail, "DNS") - mail) <
	    strcspn(mail, "\n"));
	free(text);
}

static void
test_without_any_document_there_is_the_reason(void **state)
{
	char *text = draw(NULL, NULL, (struct screen_size){ 80, 24 },
	    "nobody");

	(void)state;
	check_has(text, "not reachable, trying: nobody\n");
	free(text);
	text = draw(first, NULL, (struct screen_size){ 80, 24 }, "nobody");
	check_has(text, "not reachable, trying: nobody\n");
	check_has(text, "messages");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_matters_most_is_in_80x24),
		cmocka_unit_test(test_rates_are_of_two_readings),
		cmocka_unit_test(test_another_daemon_has_no_rates_yet),
		cmocka_unit_test(
		    test_nothing_is_wider_or_longer_than_the_terminal),
		cmocka_unit_test(test_wider_terminals_have_more_side_by_side),
		cmocka_unit_test(
		    test_without_any_document_there_is_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
