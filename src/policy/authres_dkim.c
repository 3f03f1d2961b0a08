/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DKIM results of a filter before us.
 *
 * The field is the filter's, but texts of strangers stand in it: selectors,
 * identities, senders.  rspamd 3.4 escapes quotes but no backslashes, so some
 * of them can end a quoted-string or a comment and go on as they like.  So
 * what counts is what stands before all results of other methods, where no
 * text but those of signatures can be; nothing in it may be in doubt; and the
 * last word is that of header.d, which must be there once.
 */

#include "config.h"

#include "policy/authres.h"

#include <string.h>

#include "base/util.h"
#include "policy/rfc5322.h"
#include "spf/identity.h"

#define WORD_SIZE 1024

enum token { TOKEN_WORD, TOKEN_SEMICOLON, TOKEN_END, TOKEN_BAD };

/* A word is what stands between blanks; its quotes are undone. */
static enum token
next_token(const char **p, char word[WORD_SIZE])
{
	struct sbuf sb;

	if (!rfc5322_skip_blanks(p))
		return TOKEN_BAD;
	if (**p == '\0')
		return TOKEN_END;
	if (**p == ';') {
		(*p)++;
		return TOKEN_SEMICOLON;
	}
	sbuf_init(&sb, word, WORD_SIZE);
	while (**p != '\0' && **p != ';' && **p != '(' && !util_is_space(**p)) {
		if (**p == '"') {
			if (!rfc5322_skip_quoted(p, &sb))
				return TOKEN_BAD;
			continue;
		}
		if (!util_is_print(**p) || **p == '\\' || **p == ')')
			return TOKEN_BAD;
		sbuf_char(&sb, *(*p)++);
	}
	return sbuf_ok(&sb) ? TOKEN_WORD : TOKEN_BAD;
}

/* What stands behind "key=" in word; NULL: it is another one. */
static const char *
value_of(const char *word, const char *key)
{
	size_t len = strlen(key);

	return util_has_prefix_nocase(word, strlen(word), key) &&
	    word[len] == '=' ? word + len + 1 : NULL;
}

/*
 * What follows "dkim=pass" up to the next semicolon, with header.d in domain.
 * False: there is none, more than one, or no end.
 */
static bool
read_properties(const char **p, char domain[IDENTITY_NAME_MAX + 1])
{
	char word[WORD_SIZE];
	unsigned count = 0;
	enum token t;

	while ((t = next_token(p, word)) == TOKEN_WORD) {
		const char *d = value_of(word, "header.d");

		if (strchr(word, '=') == NULL)
			return false;
		if (d != NULL && !util_copy(domain, IDENTITY_NAME_MAX + 1, d))
			return false;
		count += d != NULL;
	}
	if (t == TOKEN_BAD || count != 1)
		return false;
	util_lower_octets(domain, strlen(domain));
	return true;
}

/* The name of the server and perhaps a version, up to the semicolon. */
static bool
read_server(const char **p, const char *authserv_id)
{
	char word[WORD_SIZE];
	enum token t = next_token(p, word);

	if (t != TOKEN_WORD || !util_eq_nocase(word, authserv_id))
		return false;
	t = next_token(p, word);
	if (t == TOKEN_WORD && strspn(word, "0123456789") == strlen(word))
		t = next_token(p, word);
	return t == TOKEN_SEMICOLON;
}

bool
authres_dkim_passes(const char *value, const char *authserv_id,
    bool (*counts)(const char *domain, void *arg), void *arg)
{
	char domain[IDENTITY_NAME_MAX + 1];
	char word[WORD_SIZE];

	if (!read_server(&value, authserv_id))
		return false;
	while (next_token(&value, word) == TOKEN_WORD) {
		const char *result = value_of(word, "dkim");

		if (result == NULL || !read_properties(&value, domain))
			return false;
		if (util_eq_nocase(result, "pass") && counts(domain, arg))
			return true;
	}
	return false;
}
