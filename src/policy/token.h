/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts of a refusal, as a text for a link that nobody can forge.  Pure. */

#ifndef TOKEN_H
#define TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"
#include "base/result.h"

/* 296 characters of base64url at most, and a NUL. */
#define TOKEN_SIZE 297

/* What texts are cut to.  A name loses labels, and begins with a dot then. */
#define TOKEN_DOMAIN_MAX 110
#define TOKEN_RECEIVER_MAX 60
#define TOKEN_CLIENT_MAX 60
#define TOKEN_RULE_MAX 32
#define TOKEN_REASON_MAX 90

/* No local part and no recipient.  Texts: printable ASCII, "": none. */
struct token {
	int64_t		time_s;		/* since 1970, up to 2106 */
	enum result	result;
	enum scope	scope;
	bool		null_sender;
	bool		deferred;	/* not for good */
	unsigned	level;		/* 0 to 255 */
	struct addr	client;		/* AF_INET or AF_INET6 */
	char		domain[TOKEN_DOMAIN_MAX + 1];
	char		receiver[TOKEN_RECEIVER_MAX + 1];
	char		client_name[TOKEN_CLIENT_MAX + 1];
	char		rule[TOKEN_RULE_MAX + 1];	/* that has decided */
	char		reason[TOKEN_REASON_MAX + 1];
};

/* Any text; NULL is "". */
void	token_set_name(char *name, size_t size, const char *text);
void	token_set_text(char *dst, size_t size, const char *text);
/*
 * A problem, as it is told in words; one in which a part of local may stand, as
 * a macro of the record can bring it there, is left out.
 */
void	token_set_problem(struct token *t, const char *reason,
	    const char *local);

/*
 * Always fits: where domain and receiver are long, the client's name is left
 * out, and rule and reason are cut.
 */
void	token_encode(const struct token *t, const uint8_t key[KEY_SIZE],
	    char out[TOKEN_SIZE]);

/* False: not made with one of the keys; *out is then anything. */
bool	token_decode(struct token *out, const char *text,
	    const uint8_t (*keys)[KEY_SIZE], size_t key_count);

#endif
