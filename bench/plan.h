/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one message sends to a filter, rendered once: the packets of the steps
 * that the filter negotiated, with the macros that it asked for.
 */

#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_STEPS_MAX 32
#define PLAN_STAGES 7			/* that have macros of their own */
#define PLAN_SYMBOLS_SIZE 256

struct piece {
	char		*data;
	size_t		 len;
};

enum piece_kind { PIECE_CONNECT, PIECE_HELO, PIECE_MAIL, PIECE_COUNT };

/* One line of the list of senders. */
struct sender {
	char		*address;
	char		*client;
	char		*helo;
	unsigned	 label;
	struct piece	 pieces[PIECE_COUNT];
};

struct senders {
	struct sender	*list;
	size_t		 count;
	char		**labels;
	unsigned	 label_count;
};

/* One write, after which a reply is awaited or not. */
struct plan_step {
	char		 command;
	bool		 replied;
	bool		 of_sender;	/* else data and len are sent */
	enum piece_kind	 kind;
	char		*data;
	size_t		 len;
};

struct plan {
	uint32_t	 protocol;
	char		 symbols[PLAN_STAGES][PLAN_SYMBOLS_SIZE];
	unsigned	 count;
	struct plan_step steps[PLAN_STEPS_MAX];
};

/*
 * Lines "ADDRESS CLIENT HELO LABEL", words without blanks; ADDRESS is <> or
 * an address.  False: the file cannot be read or has a bad line; errors are
 * printed.
 */
bool	senders_read(struct senders *out, const char *path);

/* The first packet of a connection. */
extern const unsigned char plan_offer[17];

/*
 * From the filter's answer to the offer (the packet without its length and
 * command).  Renders the pieces of all senders too.  False: not an answer.
 */
bool	plan_init(struct plan *p, const unsigned char *data, size_t len,
	    struct senders *s);

#endif
