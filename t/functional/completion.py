# SPDX-License-Identifier: BSD-2-Clause
"""What the shells complete, asked of the shells themselves: bash and zsh in
a terminal, where a key writes all completions into the line, and fish."""

import os
import pty
import re
import select
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import lab
import tap

HERE = os.path.join(daemon.SRCDIR, "contrib", "completion")
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
PLACE = tempfile.TemporaryDirectory()
LEVELS = ["debug", "error", "info", "warning"]
END = "THE-END"


def path():
    """The programs by their names, as they are installed."""
    folders = [os.path.join(daemon.BUILDDIR, "src"),
        os.path.join(daemon.SRCDIR, "contrib")]
    return ":".join(folders + [os.environ["PATH"]])


class Terminal:
    """An interactive shell.  Its commands end with a line END, of which the
    echo differs."""

    def __init__(self, words, setup):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(PLACE.name)
            os.execve(words[0], words, {"PATH": path(), "TERM": "dumb",
                "HOME": PLACE.name, "LC_ALL": "C", "HISTFILE": "/dev/null",
                "COLUMNS": "20000"})
        self.text = ""
        self.command(setup)

    def send(self, text):
        os.write(self.fd, text.encode())

    def command(self, line):
        """What it prints."""
        self.send("%s; print_end\n" % line)
        return self.until_end()

    def until_end(self, seconds=30):
        self.text = ""
        end = time.monotonic() + seconds
        while END + "\r\n" not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError("not within %d s:\n%s" % (seconds,
                    self.text))
            self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
        return self.text

    def complete(self, line):
        """Every word that stands in the place of the last one."""
        count = len(line.split()) - (line[-1] != " ")
        # All completions, then to the front of the line.
        self.send(line + "\x18a\x01")
        self.send("print_words %d \n" % count)
        return sorted(re.findall(r"^<(.*)>\r$", self.until_end(), re.M))

    def close(self):
        os.close(self.fd)


FUNCTIONS = ("print_end() { echo THE''-END; }; print_words() { local n=$1; "
    "shift; shift $n; printf '<%s>\\n' \"$@\"; print_end; }; ")


def bash():
    if not os.path.exists(BASH_COMPLETION):
        tap.skip("bash-completion is not installed")
    setup = FUNCTIONS + "stty cols 20000; bind 'set bell-style none'; " \
        "bind '\"\\C-xa\": insert-completions'; " \
        "bind 'set enable-bracketed-paste off'; " \
        "source %s; for f in %s/bash/*; do source $f; done" % (
            BASH_COMPLETION, HERE)
    return Terminal([shutil.which("bash"), "--norc", "--noprofile", "-i"],
        setup)


def zsh():
    program = shutil.which("zsh")
    if program is None:
        tap.skip("zsh is not installed")
    setup = FUNCTIONS + "stty cols 20000; unsetopt zle_bracketed_paste; " \
        "unset zle_bracketed_paste; fpath=(%s/zsh $fpath); " \
        "autoload -U compinit; compinit -u -D; bindkey -e; " \
        "zstyle ':completion:*' completer _all_matches _complete; " \
        "zstyle ':completion:*' insert true; " \
        "zstyle ':completion:*' file-patterns '*'; " \
        "bindkey '^Xa' complete-word" % HERE
    return Terminal([program, "-f", "-i"], setup)


class Fish:
    """complete -C says what a Tab would."""

    def __init__(self):
        if shutil.which("fish") is None:
            tap.skip("fish is not installed")

    def complete(self, line):
        text = lab.command("env", "-C", PLACE.name, "PATH=" + path(), "HOME="
            + PLACE.name, "XDG_CONFIG_HOME=" + PLACE.name, "fish",
            "--no-config", "-c", "for f in %s/fish/*.fish; source $f; end; "
            "complete -C %s" % (HERE, daemon.quote(line)))
        return sorted(l.split("\t")[0] for l in text.splitlines())

    def close(self):
        pass


def values(words):
    """Without what stands before them: shells differ in that."""
    return sorted(w.rpartition("=")[2] for w in words)


def try_all(shell):
    for name in ("a.zone", "b.zone"):
        lab.write(os.path.join(PLACE.name, name), "")
    ask = shell.complete
    tap.equal(values(ask("spf-milter --all ")),
        ["fail", "neutral", "pass", "soft"])
    tap.equal(values(ask("spf-milter -o log_level=")), LEVELS)
    tap.equal(values(ask("spf-milter -n -o behavior=")), list("0123456"))
    tap.equal(values(ask("spf-milter -o dns.dnssec=")), ["false", "true"])
    tap.equal(values(ask("spf-milter -o syslog_facility=local")),
        ["local%d" % n for n in range(8)])
    names = [w.rstrip("=") for w in ask("spf-milter -o dns.")]
    for name in ("dns.servers", "dns.timeout", "dns.cache_size"):
        tap.contains(names, name)
    options = ask("spf-milter --check")
    tap.equal([w.rstrip("=") for w in options],
        ["--check", "--check-domain", "--check-record"])
    tap.equal(ask("spf-milter --zone a"), ["a.zone"])
    tap.equal(values(ask("spf-why --language ")), ["en", "ko"])
    tap.equal(ask("spf-why -k b"), ["b.zone"])
    tap.contains(ask("spf-milter-import "), "pyspf-milter")
    tap.equal([w.rstrip("/") for w in ask("spf-milter-import qmail /et")],
        ["/etc"])
    tap.contains(ask("spf-milter-report "), "forwarders")
    tap.equal([w.rstrip("=") for w in ask("spf-milter-report impact --")],
        ["--html", "--lang", "--top"])
    shell.close()


def test_bash_completes_options_and_what_they_take():
    try_all(bash())


def test_zsh_completes_options_and_what_they_take():
    try_all(zsh())


def test_fish_completes_options_and_what_they_take():
    try_all(Fish())


tap.main(globals())
