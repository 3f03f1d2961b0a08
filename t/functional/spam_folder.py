# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of docs/spam-folder.md in the programs that they are for: mail
whose first result is softfail or fail goes to the spam folder, whatever else
a message says of itself."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import tap

CONTRIB = os.path.join(daemon.SRCDIR, "contrib")
LDA = "/usr/lib/dovecot/dovecot-lda"
ZONE = """\
$ORIGIN example.com.
pass TXT "v=spf1 +all"
neutral TXT "v=spf1 ?all"
softfail TXT "v=spf1 ~all"
fail TXT "v=spf1 -all"
permerror TXT "v=spf1 nonsense"
temperror TIMEOUT
helo TXT "v=spf1 ~all"
"""
RESULTS = ["pass", "neutral", "none", "softfail", "fail", "permerror",
    "temperror"]
SPAM = ["softfail", "fail"]
NOBODY = 65534


class Home:
    """A user's folders.  These programs deliver for no root."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="spf-milter-test.")
        self.path = self.folder.name
        self.prefix = [] if os.getuid() else daemon.as_user(NOBODY, NOBODY)
        os.mkdir(self.file("Maildir"))

    def file(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, text):
        with open(self.file(name), "w") as f:
            f.write(text)
        os.chmod(self.file(name), 0o600)
        return self.file(name)

    def run(self, *command, mail=""):
        """As the user that all files here belong to."""
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "%d:%d" % (NOBODY, NOBODY),
                self.path], check=True)
        p = subprocess.run([*self.prefix, *command], input=mail, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.path,
            env=dict(os.environ, HOME=self.path, USER="nobody"))
        tap.equal(p.returncode, 0, "%s: %s" % (command[0], p.stdout))

    def mails(self, *folder):
        """The subjects of what has come to a folder."""
        new = self.file("Maildir", *folder, "new")
        found = []
        for name in os.listdir(new) if os.path.isdir(new) else ():
            with open(os.path.join(new, name)) as f:
                found += [line[9:].rstrip() for line in f
                    if line.startswith("Subject: ")]
        return sorted(found)


def contrib(name):
    with open(os.path.join(CONTRIB, name)) as f:
        return f.read()


def needs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            tap.skip("no " + program)


def dovecot(home):
    needs(LDA, "sievec")
    home.write("spam.sieve", contrib("spam-folder.sieve"))
    conf = home.write("dovecot.conf", """\
mail_home = {0}
mail_location = maildir:{0}/Maildir
base_dir = {0}/run
log_path = /dev/stderr
first_valid_uid = 1
postmaster_address = postmaster@example.com
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:{0}/spam.sieve
}}
""".format(home.path))
    return LDA, "-c", conf


def procmail(home):
    needs("procmail")
    return "procmail", "-m", home.write("procmailrc",
        "MAILDIR=%s\nDEFAULT=%s/\n" % (home.file("Maildir"),
        home.file("Maildir")) + contrib("spam-folder.procmailrc"))


def maildrop(home):
    needs("maildrop", "maildirmake.maildrop")
    os.rmdir(home.file("Maildir"))
    for args in (), ("-f", "Junk"):
        home.run("maildirmake.maildrop", *args, "Maildir")
    return "maildrop", home.write("mailfilter", 'DEFAULT="%s/"\n' %
        home.file("Maildir") + contrib("spam-folder.mailfilter"))


@functools.lru_cache(None)
def fields(sender, helo="mail.example.net", more="behavior = 1\n"):
    """What the filter adds; by default nothing is refused."""
    with tempfile.TemporaryDirectory() as folder:
        zone, conf = (os.path.join(folder, n) for n in ("zone", "conf"))
        with open(zone, "w") as f:
            f.write(ZONE)
        with open(conf, "w") as f:
            f.write(daemon.configuration(hostname="mx.example.com") + more)
        status, out, err = daemon.run("-t", "--json", "-c", conf, "--zone",
            zone, "--ip", "192.0.2.1", "--helo", helo, "--sender", sender)
    tap.equal(status, 0, err)
    return ["%s: %s" % (h["name"], h["value"])
        for h in json.loads(out)["headers"]]


def tagging(guide):
    """The configuration that a guide shows."""
    with open(os.path.join(daemon.SRCDIR, "docs", guide)) as f:
        return re.search(r"```conf\n(policy mailfrom .*?)```", f.read(),
            re.S)[1]


def marks(result):
    """What is added but results."""
    return [field for field in fields("u@%s.example.com" % result,
        more=tagging("spam-folder.md"))
        if not field.startswith("Received-SPF:")]


def mail(subject, head, brought=()):
    """head: what our servers put above what the message brought."""
    return "".join(line + "\n" for line in [*head,
        "Received: from mail.example.net (mail.example.net [192.0.2.1])\n"
        "\tby mx.example.com; Thu, 26 Nov 2026 12:00:00 +0900", *brought,
        "From: u@example.com", "To: you@example.com", "Subject: " + subject,
        "", "Received-SPF: softfail (text, no field)", "X-Spam-Flag: YES"])


def forged(result):
    return "Received-SPF: %s (mx.example.com: by the sender) " \
        "receiver=mx.example.com; identity=mailfrom" % result


def mails():
    """(mail, whether it is spam), each with a subject of its own"""
    for result in RESULTS:
        ours = fields("u@%s.example.com" % result)
        yield mail(result, ours), result in SPAM
        for other in "pass", "softfail":
            yield mail("%s, forged %s" % (result, other), ours,
                [forged(other)]), result in SPAM
    yield mail("tag", marks("softfail")), True
    yield mail("helo", fields("u@pass.example.com", "helo.example.com")), \
        False
    yield mail("null sender", fields("<>", "helo.example.com")), True
    yield mail("not checked", []), False
    yield mail("flag", [], ["X-Spam-Flag: YES"]), True
    yield mail("no flag", [], ["X-Spam-Flag: NO"]), False


def subject(text):
    return text.split("Subject: ")[1].split("\n")[0]


def check(program):
    home = Home()
    command = program(home)
    want = {True: [], False: []}
    for text, spam in mails():
        want[spam].append(subject(text))
        home.run(*command, mail=text)
    tap.equal(home.mails(".Junk"), sorted(want[True]))
    tap.equal(home.mails(), sorted(want[False]))


def test_the_tag_of_the_guides_is_what_the_recipes_look_for():
    more = tagging("spam-folder.md")
    tap.equal(more, tagging("spam-folder.ko.md"))
    tap.equal(marks("softfail"), ["X-Spam-Flag: YES"])
    tap.equal(marks("neutral"), [])


def test_the_sieve_script_in_dovecot():
    check(dovecot)


def test_the_procmail_recipe():
    check(procmail)


def test_the_maildrop_filter():
    check(maildrop)


if __name__ == "__main__":
    tap.main(globals())
