/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A language is a JSON object of texts and of lists of texts, plain and
 * without markup: whoever translates needs to know no HTML, and can break
 * none.  Keys go from the general to the particular, so that a language says
 * more only where it has more to say.
 */

#include "config.h"

#include <sys/stat.h>

#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "why/why_text.h"

#define FILE_MAX (256 * 1024)
#define LANGUAGES_MAX 100
#define KEY_MAX 63
#define ENDING ".json"

/* What one entry has to be. */
static bool
is_entry(const json_t *v)
{
	if (json_is_string(v))
		return true;
	if (!json_is_array(v) || json_array_size(v) == 0)
		return false;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return true;
}

/* NULL: d says why. */
static json_t *
read_language(const char *path, struct diag *d)
{
	json_error_t e;
	json_t *texts = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	const char *key;
	json_t *value;
	size_t before = d->count;

	if (texts == NULL) {
		diag_add(d, path, e.line > 0 ? (unsigned)e.line : 0, "%s",
		    e.text);
		return NULL;
	}
	if (!json_is_object(texts))
		diag_add(d, path, 0, "this is no object of texts");
	json_object_foreach(texts, key, value) {
		if (!is_entry(value) || strlen(key) > KEY_MAX)
			diag_add(d, path, 0, "%.100s: a text or a list of "
			    "texts is wanted", key);
	}
	if (d->count == before)
		return texts;
	json_decref(texts);
	return NULL;
}

static void
add_language(struct why_texts *t, const char *folder, const char *name,
    struct diag *d)
{
	char *path = xasprintf("%s/%s", folder, name);
	json_t *texts = read_language(path, d);

	free(path);
	if (texts == NULL)
		return;
	t->languages = xreallocarray(t->languages, t->count + 1,
	    sizeof(*t->languages));
	t->languages[t->count++] = (struct why_language){
		.code = xstrndup(name, strlen(name) - strlen(ENDING)),
		.texts = texts,
	};
}

/* "ko.json": letters and hyphens, as a language is called in HTML. */
static bool
is_language_file(const char *name)
{
	size_t len = strlen(name);

	if (len <= strlen(ENDING) || len > 20 ||
	    strcmp(name + len - strlen(ENDING), ENDING) != 0)
		return false;
	for (size_t i = 0; i < len - strlen(ENDING); i++)
		if (!util_is_alnum(name[i]) && name[i] != '-')
			return false;
	return true;
}

static int
by_code(const void *a, const void *b)
{
	return strcmp(((const struct why_language *)a)->code,
	    ((const struct why_language *)b)->code);
}

static void
read_languages(struct why_texts *t, const char *folder, struct diag *d)
{
	DIR *dir = opendir(folder);

	if (dir == NULL) {
		diag_add(d, folder, 0, "%s", strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (is_language_file(e->d_name) && t->count < LANGUAGES_MAX)
			add_language(t, folder, e->d_name, d);
	closedir(dir);
	if (t->count > 0)
		qsort(t->languages, t->count, sizeof(*t->languages), by_code);
	else if (d->count == 0)
		diag_add(d, folder, 0, "there is no language, such as "
		    "en.json");
}

/* Finding. */

/* Of the longest beginning of key, part by part, that l knows; or NULL. */
static const json_t *
find(const struct why_language *l, const char *key)
{
	char part[KEY_MAX + 1];

	util_copy(part, sizeof(part), key);
	for (;;) {
		const json_t *v = json_object_get(l->texts, part);
		char *dot = strrchr(part, '.');

		if (v != NULL || dot == NULL)
			return v;
		*dot = '\0';
	}
}

const char *
why_text_line(const struct why_language *l, const char *key, size_t i)
{
	const json_t *v = find(l, key);

	if (json_is_string(v))
		return i == 0 ? json_string_value(v) : NULL;
	return json_string_value(json_array_get(v, i));
}

const char *
why_text(const struct why_language *l, const char *key)
{
	const char *text = why_text_line(l, key, 0);

	return text != NULL ? text : "";
}

/* What other languages say a language must be able to say. */
static void
check_complete(const struct why_texts *t, const char *folder, struct diag *d)
{
	for (size_t i = 0; i < t->count * t->count; i++) {
		const struct why_language *a = &t->languages[i / t->count];
		const struct why_language *b = &t->languages[i % t->count];
		const char *key;
		json_t *value;

		json_object_foreach(a->texts, key, value) {
			if (find(b, key) == NULL)
				diag_add(d, folder, 0, "%s" ENDING " has no "
				    "\"%s\", which %s" ENDING " has", b->code,
				    key, a->code);
		}
	}
}

/* Choosing. */

/* NULL: there is none of the len octets of code, or of its first part. */
static const struct why_language *
find_language(const struct why_texts *t, const char *code, size_t len)
{
	size_t first = 0;

	while (first < len && code[first] != '-')
		first++;
	for (size_t i = 0; i < t->count; i++) {
		const char *c = t->languages[i].code;

		if ((strlen(c) == len || strlen(c) == first) &&
		    util_has_prefix_nocase(code, len, c))
			return &t->languages[i];
	}
	return NULL;
}

/* "q=0.8" of the parameters of a range, in thousandths; 1000 without. */
static unsigned
quality(const char *s, size_t len)
{
	unsigned q = 0;
	unsigned scale = 1000;

	while (len > 0 && (*s == ';' || *s == ' ')) {
		s++;
		len--;
	}
	if (!util_has_prefix_nocase(s, len, "q="))
		return 1000;
	for (size_t i = 2; i < len && scale > 0; i++) {
		if (util_is_digit(s[i])) {
			q += (unsigned)(s[i] - '0') * scale;
			scale /= 10;
		} else if (s[i] != '.')
			break;
	}
	return q;
}

static const struct why_language *
accepted(const struct why_texts *t, const char *accept)
{
	const struct why_language *best = NULL;
	unsigned best_q = 0;

	while (*accept != '\0') {
		size_t len = strcspn(accept, ",");
		size_t blanks = strspn(accept, " ");
		size_t code = blanks < len ? strcspn(accept + blanks, ",; ")
		    : 0;
		const struct why_language *l = code == 0 ? NULL :
		    find_language(t, accept + blanks, code);

		if (l != NULL) {
			unsigned q = quality(accept + blanks + code,
			    len - blanks - code);
			if (q > best_q) {
				best = l;
				best_q = q;
			}
		}
		accept += len + (accept[len] == ',');
	}
	return best;
}

const struct why_language *
why_texts_choose(const struct why_texts *t, const char *code,
    const char *accept)
{
	const struct why_language *l = NULL;

	if (code != NULL)
		l = find_language(t, code, strlen(code));
	if (l == NULL && accept != NULL)
		l = accepted(t, accept);
	if (l == NULL)
		l = find_language(t, "en", 2);
	return l != NULL ? l : &t->languages[0];
}

/* The whole. */

/* "sha256-..." of the style as it stands in the page. */
static char *
hash_of(const char *style)
{
	struct sha256_ctx c;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char text[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE) + 1];

	sha256_init(&c);
	sha256_update(&c, strlen(style), (const uint8_t *)style);
	sha256_digest(&c, sizeof(digest), digest);
	base64_encode_raw(text, sizeof(digest), digest);
	text[sizeof(text) - 1] = '\0';
	return xasprintf("sha256-%s", text);
}

static void
read_style(struct why_texts *t, const char *folder, struct diag *d)
{
	char *path = xasprintf("%s/style.css", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	t->style = fd < 0 ? NULL : util_read_text(fd, FILE_MAX);
	if (t->style == NULL)
		diag_add(d, path, 0, "%s", strerror(errno));
	else if (strstr(t->style, "</") != NULL)
		diag_add(d, path, 0, "it has </, which would end it");
	else
		t->style_hash = hash_of(t->style);
	if (fd >= 0)
		close(fd);
	free(path);
}

struct why_texts *
why_texts_load(const char *folder, struct diag *d)
{
	struct why_texts *t = xcalloc(1, sizeof(*t));
	size_t before = d->count;

	read_languages(t, folder, d);
	read_style(t, folder, d);
	check_complete(t, folder, d);
	if (d->count == before)
		return t;
	why_texts_free(t);
	return NULL;
}

void
why_texts_free(struct why_texts *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		json_decref(t->languages[i].texts);
		free(t->languages[i].code);
	}
	free(t->languages);
	free(t->style);
	free(t->style_hash);
	free(t);
}
