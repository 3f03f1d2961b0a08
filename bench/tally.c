/* SPDX-License-Identifier: BSD-2-Clause */
/* One tally a thread, merged at the end: no locks while measuring. */

#include "config.h"

#include "tally.h"

#include <string.h>

#include "base/util.h"

void
tally_init(struct tally *t, unsigned label_count)
{
	*t = (struct tally){ .label_count = label_count };
	t->labels = xcalloc(label_count, sizeof(*t->labels));
}

static void
count_verdict(struct tally_label *l, const char *text, uint64_t count)
{
	for (unsigned i = 0; i < TALLY_VERDICTS; i++) {
		if (l->verdicts[i].count == 0)
			util_copy(l->verdicts[i].text, TALLY_VERDICT_SIZE,
			    text);
		if (strcmp(l->verdicts[i].text, text) == 0) {
			l->verdicts[i].count += count;
			return;
		}
	}
}

void
tally_message(struct tally *t, unsigned label, const char *verdict,
    uint64_t message_ns, uint64_t step_ns)
{
	hist_add(&t->messages, message_ns);
	hist_add(&t->steps, step_ns);
	hist_add(&t->labels[label].messages, message_ns);
	count_verdict(&t->labels[label], verdict, 1);
}

void
tally_error(struct tally *t, const char *what, int error)
{
	struct sbuf text;

	if (t->errors++ > 0)
		return;
	sbuf_init(&text, t->error, sizeof(t->error));
	sbuf_fmt(&text, "%s: %s", what, error != 0 ? strerror(error) : "");
}

void
tally_merge(struct tally *to, const struct tally *from)
{
	hist_merge(&to->messages, &from->messages);
	hist_merge(&to->steps, &from->steps);
	if (to->errors == 0)
		util_copy(to->error, sizeof(to->error), from->error);
	to->errors += from->errors;
	to->retries += from->retries;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
	for (unsigned i = 0; i < to->label_count; i++) {
		const struct tally_label *l = &from->labels[i];
		hist_merge(&to->labels[i].messages, &l->messages);
		for (unsigned v = 0; v < TALLY_VERDICTS; v++)
			if (l->verdicts[v].count > 0)
				count_verdict(&to->labels[i],
				    l->verdicts[v].text,
				    l->verdicts[v].count);
	}
}

static void
print_label(const struct tally_label *l, FILE *to)
{
	fprintf(to, "{\"messages\": %llu, \"message_ms\": ",
	    (unsigned long long)l->messages.count);
	hist_print(&l->messages, to);
	fprintf(to, ", \"verdicts\": {");
	for (unsigned v = 0; v < TALLY_VERDICTS && l->verdicts[v].count > 0;
	    v++)
		fprintf(to, "%s\"%s\": %llu", v > 0 ? ", " : "",
		    l->verdicts[v].text,
		    (unsigned long long)l->verdicts[v].count);
	fprintf(to, "}}");
}

void
tally_print(const struct tally *t, char *const *labels, uint64_t start_ns,
    FILE *to)
{
	double seconds = t->last_ns > start_ns ?
	    (double)(t->last_ns - start_ns) / 1e9 : 0;

	fprintf(to, "{\"messages\": %llu, \"seconds\": %.6f, \"rate\": %.1f, "
	    "\"errors\": %llu, \"retries\": %llu, \"error\": \"%s\", "
	    "\"message_ms\": ", (unsigned long long)t->messages.count,
	    seconds, seconds > 0 ? (double)t->messages.count / seconds : 0,
	    (unsigned long long)t->errors, (unsigned long long)t->retries,
	    t->error);
	hist_print(&t->messages, to);
	fprintf(to, ", \"step_ms\": ");
	hist_print(&t->steps, to);
	fprintf(to, ", \"labels\": {");
	for (unsigned i = 0; i < t->label_count; i++) {
		fprintf(to, "%s\"%s\": ", i > 0 ? ", " : "", labels[i]);
		print_label(&t->labels[i], to);
	}
	fprintf(to, "}}\n");
}
