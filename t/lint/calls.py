#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Functions and headers that src may not use, or only in one place."""

import fnmatch
import re

import csource

# name: why not
FORBIDDEN = {
    "unbounded text": "strcpy strcat stpcpy sprintf vsprintf gets",
    "numbers without errors": "atoi atol atoll atof",
    "hidden state": "strtok inet_ntoa gethostbyname localtime gmtime ctime",
    "memory of the stack": "alloca",
    "the locale": "setlocale isalpha isdigit isalnum isspace isprint isupper "
                  "islower isxdigit iscntrl ispunct isgraph isblank tolower "
                  "toupper strcasecmp strncasecmp",
    "waiting without a deadline": "sleep usleep pause",
    "a shell": "system popen",
}

# names: the files that may call them
CALLERS = {
    "exit _exit _Exit quick_exit": ("src/daemon/main.c", "src/why/why.c"),
    "abort": ("src/base/util.c",),
    # NO_COLOR and TERM; NOTIFY_SOCKET; LISTEN_FDS
    "getenv secure_getenv setenv putenv": ("src/tool/terminal.c",
        "src/base/confine_landlock.c", "src/daemon/milter_handed.c"),
}

# how the header begins: the files that may include it
INCLUDERS = {
    "libmilter/": "src/daemon/milter.c",
    "spf2/": "src/eval/eval_spf2.c",
    "unbound.h": "src/dns/dns_unbound*.c",
    "confuse.h": "src/conf/conf*.[ch]",
    "seccomp.h": "src/base/confine_seccomp.c",
    "microhttpd.h": "src/*/*http.c",
    "ctype.h": "nowhere",
    "alloca.h": "nowhere",
    "locale.h": "nowhere",
}


def places(path, text, pattern):
    for m in re.finditer(pattern, text, re.M):
        yield "%s:%d: %s" % (path, text.count("\n", 0, m.start(1)) + 1,
                             m.group(1))


def calls(sources, names, but=()):
    pattern = r"\b(%s)\s*\(" % "|".join(names.split())
    return [p for path, text in sources.items() if path not in but
            for p in places(path, csource.without_comments(text), pattern)]


def includes(sources, header, but):
    pattern = r'^[ \t]*#[ \t]*include[ \t]*[<"](%s[^>"]*)' % re.escape(header)
    return [p for path, text in sources.items()
            if not fnmatch.fnmatch(path, but)
            for p in places(path, text, pattern)]


def main():
    tap = csource.Tap()
    sources = {p: csource.read(p) for p in csource.files("src/*/*.[ch]")}
    build = {p: csource.read(p) for p in csource.files(
        "configure.ac", "Makefile.am", "m4/*.m4", "quickstart.sh")}

    for why, names in FORBIDDEN.items():
        tap.report("nothing calls for " + why, calls(sources, names))
    for names, but in CALLERS.items():
        tap.report("%s only in %s" % (names.split()[0], " ".join(but)),
                   calls(sources, names, but))
    for header, but in INCLUDERS.items():
        tap.report("%s only in %s" % (header, but),
                   includes(sources, header, but))
    tap.report("no deadline that a time_t of 32 bits cannot hold", [
        p for path, text in sources.items() for p in places(
            path, csource.without_comments(text),
            r"(cond_wait_until\([^;]*INT64_MAX)")])
    tap.report("assertions stay on: no NDEBUG", [
        p for path, text in {**sources, **build}.items()
        for p in places(path, text, r"(NDEBUG)\b")])
    tap.finish()


if __name__ == "__main__":
    main()
