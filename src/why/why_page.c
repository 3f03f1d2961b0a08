/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page, top to bottom.
 *
 * What it says depends on result and identity: keys of texts end in both, so
 * that a language has one text for many cases and another where the case is
 * another one.  Fail, softfail and neutral have the same advice, and no ending.
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "why/why_facts.h"
#include "why/why_html.h"
#include "why/why_page.h"
#include "why/why_tree.h"

struct writer {
	FILE			*out;
	const struct why_page	*page;
	const struct token	*token;
	struct why_facts	 facts;
};

/* Texts. */

#define KEY_SIZE_MAX 64

static const char *
ending_of_result(enum result r, bool deferred)
{
	switch (r) {
	case RESULT_NONE:
		return ".none";
	case RESULT_PERMERROR:
		return ".permerror";
	case RESULT_TEMPERROR:
		return deferred ? ".temperror" : ".temperror.final";
	case RESULT_PASS:
		return ".pass";
	case RESULT_FAIL:
	case RESULT_SOFTFAIL:
	case RESULT_NEUTRAL:
		return "";
	}
	assert(false);
	return "";
}

/* Reports are judged by HELO, as which scope they may be. */
static const char *
ending_of_identity(const struct token *t)
{
	if (t->null_sender)
		return ".null";
	return t->scope == SCOPE_HELO ? ".helo" : "";
}

/* key with its endings, in storage for one use. */
static const char *
key_of(const struct writer *w, const char *key, char out[KEY_SIZE_MAX])
{
	struct sbuf sb;

	sbuf_init(&sb, out, KEY_SIZE_MAX);
	sbuf_str(&sb, key);
	if (w->token != NULL) {
		sbuf_str(&sb, ending_of_result(w->token->result,
		    w->token->deferred));
		sbuf_str(&sb, ending_of_identity(w->token));
	}
	return out;
}

/* What was put off was not stopped. */
static const char *
of_deferral(const struct writer *w, const char *refused, const char *deferred)
{
	return w->token->deferred ? deferred : refused;
}

static void
put(const struct writer *w, const char *markup)
{
	why_html_markup(w->out, markup);
}

/* Between the markup before and after it. */
static void
put_text(const struct writer *w, const char *before, const char *text,
    const char *after)
{
	put(w, before);
	why_html_text(w->out, text, w->facts.values);
	put(w, after);
}

static void
put_key(const struct writer *w, const char *before, const char *key,
    const char *after)
{
	char full[KEY_SIZE_MAX];

	put_text(w, before, why_text(w->page->language, key_of(w, key, full)),
	    after);
}

/* Nothing where there is no text. */
static void
put_list(const struct writer *w, const char *key)
{
	char full[KEY_SIZE_MAX];
	const char *line;

	key_of(w, key, full);
	if (why_text(w->page->language, full)[0] == '\0')
		return;
	put(w, "<ul>\n");
	for (size_t i = 0; (line = why_text_line(w->page->language, full,
	    i)) != NULL; i++)
		put_text(w, "<li>", line, "</li>\n");
	put(w, "</ul>\n");
}

/* Values in their elements are for the body; a title has plain text. */
static void
put_plain(const struct writer *w, const char *key)
{
	char full[KEY_SIZE_MAX];
	char *text = why_html_plain(why_text(w->page->language,
	    key_of(w, key, full)), w->facts.values);

	why_html_escape(w->out, text);
	free(text);
}

/* Head. */

static void
put_head(const struct writer *w)
{
	put(w, "<!DOCTYPE html>\n<html lang=\"");
	why_html_escape(w->out, w->page->language->code);
	put(w, "\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    "<meta name=\"robots\" content=\"noindex\">\n<title>");
	put_plain(w, w->token == NULL ? "general" : of_deferral(w, "title",
	    "title.deferred"));
	put(w, "</title>\n<style>");
	put(w, w->page->texts->style);
	put(w, "</style>\n</head>\n<body>\n");
}

static void
put_language(const struct writer *w, const struct why_language *l)
{
	put(w, "<li><a href=\"?");
	if (w->token != NULL) {
		put(w, "t=");
		why_html_url(w->out, w->page->token_text);
		put(w, "&amp;");
	}
	put(w, "l=");
	why_html_url(w->out, l->code);
	put(w, "\" rel=\"nofollow\" hreflang=\"");
	why_html_escape(w->out, l->code);
	put(w, "\" lang=\"");
	why_html_escape(w->out, l->code);
	put(w, l == w->page->language ? "\" aria-current=\"true\">" : "\">");
	why_html_escape(w->out, why_text(l, "name"));
	put(w, "</a></li>\n");
}

static void
put_top(const struct writer *w)
{
	put(w, "<header>\n");
	if (w->token != NULL && w->token->receiver[0] != '\0')
		put_text(w, "<p>", "{receiver}", "</p>\n");
	put(w, "<nav aria-label=\"");
	why_html_escape(w->out, why_text(w->page->language, "languages"));
	put(w, "\">\n<ul>\n");
	for (size_t i = 0; i < w->page->texts->count; i++)
		put_language(w, &w->page->texts->languages[i]);
	put(w, "</ul>\n</nav>\n</header>\n<main>\n");
}

/* What happened. */

static void
put_verdict(const struct writer *w)
{
	char key[KEY_SIZE_MAX];
	const char *result = result_name(w->token->result);
	struct sbuf sb;

	put(w, "<section class=\"verdict ");
	put(w, result);
	put(w, "\">\n<p class=\"badge\">SPF ");
	put(w, result);
	put(w, "</p>\n");
	sbuf_init(&sb, key, sizeof(key));
	sbuf_fmt(&sb, "verdict.%s%s", result, ending_of_identity(w->token));
	put_text(w, "<h1>", why_text(w->page->language, key), "</h1>\n");
	put_key(w, "<p class=\"lead\">", of_deferral(w, "action",
	    "action.deferred"), "</p>\n");
	put_key(w, "<p>", "about", "</p>\n</section>\n");
}

/* What to do. */

static void
put_card(const struct writer *w, const char *key)
{
	char text[KEY_SIZE_MAX];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "%s.text", key);
	put(w, "<section class=\"card\">\n");
	put_text(w, "<h3>", why_text(w->page->language, key), "</h3>\n");
	put_list(w, text);
}

/* Its terms, none of which is broken at a hyphen. */
static void
put_record(const struct writer *w, const char *record)
{
	put(w, "<p class=\"record\"><code translate=\"no\">");
	while (*record != '\0') {
		size_t len = strcspn(record, " ");
		char *term = xstrndup(record, len);

		put(w, "<span>");
		why_html_escape(w->out, term);
		put(w, "</span>");
		free(term);
		record += len;
		for (; *record == ' '; record++)
			put(w, " ");
	}
	put(w, "</code></p>\n");
}

static void
put_admin(const struct writer *w)
{
	put_card(w, "admin");
	if (w->facts.proposal[0] != '\0') {
		put_record(w, w->facts.proposal);
		put_list(w, "admin.more");
	}
	put(w, "</section>\n");
}

static void
put_advice(const struct writer *w)
{
	put_key(w, "<section class=\"advice\">\n<h2>", "advice", "</h2>\n"
	    "<div class=\"cards\">\n");
	put_card(w, "sender");
	put(w, "</section>\n");
	put_admin(w);
	put_card(w, "recipient");
	put(w, "</section>\n");
	put_card(w, of_deferral(w, "stranger", "stranger.deferred"));
	put(w, "</section>\n</div>\n</section>\n");
}

/* The letter; the caller frees it. */
static char *
letter(const struct writer *w)
{
	char key[KEY_SIZE_MAX];
	const char *line;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	key_of(w, "letter.text", key);
	for (size_t i = 0; (line = why_text_line(w->page->language, key,
	    i)) != NULL; i++) {
		char *plain = why_html_plain(line, w->facts.values);

		fprintf(out, "%s%s\n", i > 0 ? "\n" : "", plain);
		free(plain);
	}
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}

static void
put_mailto(const struct writer *w, const char *text)
{
	char key[KEY_SIZE_MAX];
	char *subject = why_html_plain(why_text(w->page->language,
	    key_of(w, "letter.subject", key)), w->facts.values);

	put(w, "<p><a class=\"button\" href=\"mailto:postmaster@");
	why_html_url(w->out, w->facts.postmaster + strlen("postmaster@"));
	put(w, "?subject=");
	why_html_url(w->out, subject);
	put(w, "&amp;body=");
	why_html_url(w->out, text);
	put_key(w, "\">", "letter.open", "</a></p>\n");
	free(subject);
}

static void
put_letter(const struct writer *w)
{
	char *text = letter(w);

	put_key(w, "<section class=\"letter\">\n<h2>", "letter", "</h2>\n");
	put_key(w, "<p>", "letter.about", "</p>\n<pre>");
	why_html_escape(w->out, text);
	put(w, "</pre>\n");
	put_mailto(w, text);
	put(w, "</section>\n");
	free(text);
}

/* How it came to this. */

/* What the record came to, as the token tells. */
static const char *
path_key(const struct token *t)
{
	switch (t->result) {
	case RESULT_NONE:
		return "step.none";
	case RESULT_PERMERROR:
		return "step.permerror";
	case RESULT_TEMPERROR:
		return "step.temperror";
	case RESULT_PASS:
	case RESULT_FAIL:
	case RESULT_SOFTFAIL:
	case RESULT_NEUTRAL:
		return strcmp(t->reason, "default") == 0 ? "step.default" :
		    "step.term";
	}
	assert(false);
	return "";
}

static void
put_path(const struct writer *w)
{
	const char *result = result_name(w->token->result);
	char key[KEY_SIZE_MAX];
	struct sbuf sb;

	put_key(w, "<section>\n<h2>", "path", "</h2>\n<ol class=\"path\">\n");
	put_key(w, "<li>", "step.client", " ");
	put_key(w, "", "step.domain", "</li>\n");
	put_key(w, "<li>", "step.record", " ");
	put_text(w, "", why_text(w->page->language, path_key(w->token)),
	    "</li>\n");
	put(w, "<li class=\"end ");
	put(w, result);
	put_key(w, "\">", "step.result", " <strong>");
	put(w, result);
	sbuf_init(&sb, key, sizeof(key));
	sbuf_fmt(&sb, "result.%s", result);
	put_text(w, "</strong> (", why_text(w->page->language, key),
	    ")</li>\n</ol>\n</section>\n");
}

/* Facts. */

static void
put_fact(const struct writer *w, const char *key, const char *text)
{
	if (text[0] == '\0')
		return;
	put_text(w, "<dt>", why_text(w->page->language, key), "</dt>\n<dd>");
	why_html_escape(w->out, text);
	put(w, "</dd>\n");
}

static void
put_client(const struct writer *w)
{
	char text[ADDR_TEXT_SIZE + TOKEN_CLIENT_MAX + 3];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_str(&sb, w->facts.client);
	if (w->token->client_name[0] != '\0')
		sbuf_fmt(&sb, " (%s)", w->token->client_name);
	put_fact(w, "fact.client", text);
}

static void
put_time(const struct writer *w)
{
	put_text(w, "<dt>", why_text(w->page->language, "fact.time"),
	    "</dt>\n<dd><time datetime=\"");
	why_html_escape(w->out, w->facts.iso);
	put(w, "\">");
	why_html_escape(w->out, w->facts.utc);
	put(w, "</time>");
	if (w->facts.local[0] != '\0') {
		put(w, "<br>");
		why_html_escape(w->out, w->facts.local);
	}
	put(w, "</dd>\n");
}

static void
put_facts(const struct writer *w)
{
	const struct token *t = w->token;
	const char *identity = ending_of_identity(t);
	char key[KEY_SIZE_MAX];
	struct sbuf sb;

	sbuf_init(&sb, key, sizeof(key));
	sbuf_fmt(&sb, "identity%s", identity[0] != '\0' ? identity :
	    ".mailfrom");
	put_key(w, "<section>\n<h2>", "facts", "</h2>\n<dl>\n");
	put_fact(w, "fact.result", result_name(t->result));
	put_fact(w, "fact.reason", t->reason);
	put_fact(w, "fact.domain", w->facts.domain);
	put_fact(w, "fact.identity", why_text(w->page->language, key));
	put_client(w);
	put_fact(w, "fact.receiver", t->receiver);
	put_time(w);
	put(w, "</dl>\n");
	put_key(w, "<p>", "contact", "</p>\n</section>\n");
}

/* The record as it is now. */

static const char *
check_key(const struct writer *w)
{
	const struct why_check *c = w->page->check;

	if (c->end == WHY_CHECK_BUSY)
		return "check.busy";
	if (c->result == RESULT_TEMPERROR)
		return "check.late";
	if (c->result == RESULT_PASS)
		return "check.pass";
	return c->result == w->token->result ? "check.same" : "check.changed";
}

static void
put_checked(const struct writer *w)
{
	const struct why_check *c = w->page->check;

	put_text(w, "<p role=\"status\">", why_text(w->page->language,
	    check_key(w)), "");
	if (c->end == WHY_CHECK_DONE) {
		put(w, " <strong>");
		put(w, result_name(c->result));
		put(w, "</strong>");
	}
	put(w, "</p>\n");
	if (c->end != WHY_CHECK_DONE)
		return;
	if (c->problem[0] != '\0') {
		put(w, "<p>");
		why_html_escape(w->out, c->problem);
		put(w, "</p>\n");
	}
	if (c->record[0] != '\0' &&
	    !util_eq_nocase(c->domain, w->token->domain)) {
		put(w, "<p translate=\"no\">redirect=");
		why_html_escape(w->out, c->domain);
		put(w, "</p>\n");
	}
	if (c->record[0] != '\0')
		put_record(w, c->record);
	if (c->proposal[0] != '\0') {
		put_key(w, "<p>", "check.works", "</p>\n");
		put_record(w, c->proposal);
	}
	if (c->tree != NULL) {
		put_key(w, "<h3>", "tree", "</h3>\n");
		why_tree_write(c->tree, w->page->language, w->out);
	}
}

static void
put_check(const struct writer *w)
{
	if (!w->page->offers_check && w->page->check == NULL)
		return;
	put_key(w, "<section class=\"check\" id=\"check\">\n<h2>", "check",
	    "</h2>\n");
	if (w->page->check != NULL)
		put_checked(w);
	else
		put_key(w, "<p>", "check.offer", "</p>\n");
	put_key(w, "<form method=\"post\">\n<button type=\"submit\">",
	    "check.button", "</button>\n</form>\n</section>\n");
}

/* Both pages. */

static void
put_refusal(const struct writer *w)
{
	put_verdict(w);
	put_advice(w);
	put_letter(w);
	put(w, "<div class=\"pair\">\n");
	put_path(w);
	put_facts(w);
	put(w, "</div>\n");
	put_check(w);
	put_text(w, "</main>\n<footer>\n<p>", why_text(w->page->language,
	    w->page->check != NULL ? "note.checked" : "note"),
	    "</p>\n</footer>\n");
}

static void
put_paragraphs(const struct writer *w, const char *key)
{
	const char *line;

	for (size_t i = 0; (line = why_text_line(w->page->language, key,
	    i)) != NULL; i++)
		put_text(w, "<p>", line, "</p>\n");
}

static void
put_general(const struct writer *w)
{
	put_key(w, "<section class=\"verdict\">\n<h1>", "general", "</h1>\n");
	put_paragraphs(w, "general.text");
	put_key(w, "</section>\n<section class=\"advice\">\n<h2>", "advice",
	    "</h2>\n<div class=\"cards\">\n");
	put_card(w, "general.sender");
	put(w, "</section>\n");
	put_card(w, "general.stranger");
	put(w, "</section>\n</div>\n</section>\n");
	if (w->page->contact[0] != '\0')
		put_key(w, "<p>", "general.contact", "</p>\n");
	put(w, "</main>\n");
}

void
why_page_write(const struct why_page *page, FILE *out)
{
	struct writer w = { .out = out, .page = page, .token = page->token };

	why_facts_init(&w.facts, page->token, page->contact, page->days);
	put_head(&w);
	put_top(&w);
	if (w.token != NULL)
		put_refusal(&w);
	else
		put_general(&w);
	put(&w, "</body>\n</html>\n");
	why_facts_fini(&w.facts);
}
