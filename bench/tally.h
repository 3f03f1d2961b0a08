/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of the messages: counted, timed, printed as JSON. */

#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>
#include <stdio.h>

#include "hist.h"

#define TALLY_VERDICTS 12
#define TALLY_VERDICT_SIZE 24

struct tally_label {
	struct hist	 messages;
	struct {
		char	 text[TALLY_VERDICT_SIZE];
		uint64_t count;
	} verdicts[TALLY_VERDICTS];
};

struct tally {
	struct hist	 messages;
	struct hist	 steps;		/* the longest of each message */
	uint64_t	 errors;
	uint64_t	 retries;	/* of a full backlog */
	char		 error[120];	/* the first one */
	uint64_t	 last_ns;	/* end of the last message */
	unsigned	 label_count;
	struct tally_label *labels;
};

void	tally_init(struct tally *t, unsigned label_count);
void	tally_message(struct tally *t, unsigned label, const char *verdict,
	    uint64_t message_ns, uint64_t step_ns);
void	tally_error(struct tally *t, const char *what, int error);
void	tally_merge(struct tally *to, const struct tally *from);
void	tally_print(const struct tally *t, char *const *labels,
	    uint64_t start_ns, FILE *to);

#endif
