# SPDX-License-Identifier: BSD-2-Clause
"""A unix socket that mail servers are told to use and cannot reach: it is
said, with the command that mends it, which is then tried.

With an /etc and folders of its own, where Postfix and sendmail need not be.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import namespaces
import tap

if os.geteuid() != 0:
    tap.skip_all("needs root")
namespaces.enter()

POSTFIX = 40001
FILTER = 40002
PASSWD = "root:x:0:0::/:/bin/sh\npostfix:x:%d:%d::/:/bin/false\n" \
    "spf-milter:x:%d:%d::/:/bin/false\n" % (POSTFIX, POSTFIX, FILTER, FILTER)
GROUP = "root:x:0:\npostfix:x:%d:\nspf-milter:x:%d:\n" % (POSTFIX, FILTER)
CHROOTED = "smtp      inet  n       -       y       -       -       smtpd\n"
OPEN = CHROOTED.replace("y", "n")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def private(place):
    os.makedirs(place, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs",
        place], check=True)


private("/etc")
private("/mnt")
write("/etc/passwd", PASSWD)
write("/etc/group", GROUP)
write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n")
QUEUE = "/mnt/queue"


def told(path, mail="", master=OPEN, sendmail="", **options):
    """What -n says of the socket."""
    write("/etc/postfix/main.cf", "queue_directory = %s\n%s" % (QUEUE, mail))
    write("/etc/postfix/master.cf", master)
    write("/etc/mail/sendmail.cf", sendmail)
    write("/mnt/conf", daemon.configuration(socket="unix:" + path,
        **options))
    status, _, err = daemon.run("-n", "-c", "/mnt/conf")
    tap.equal(status, 0, err)
    return "\n".join(l for l in err.splitlines() if ": socket: " in l)


def folder(path, owner=0, group=0, mode=0o755):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    os.chown(path, owner, group)
    os.chmod(path, mode)


def mend(said):
    """Runs the commands that stand behind the last colon."""
    subprocess.run(["sh", "-ec", said.split(": ")[-1].split(", and ")[0]],
        check=True)


def test_nothing_is_said_where_no_mail_server_names_the_socket():
    folder("/mnt/run", mode=0o777)
    tap.equal(told("/mnt/run/s.sock", "smtpd_milters = inet:127.0.0.1:1\n"
        "#smtpd_milters = unix:/mnt/run/s.sock\n"), "")


def test_a_folder_that_postfix_may_not_enter():
    folder("/mnt/run", FILTER, FILTER, 0o750)
    case = ("/mnt/run/s.sock", "smtpd_milters=unix:/mnt/run/s.sock, inet:1")
    said = told(*case, socket_group="postfix")
    tap.contains(said, "Postfix (user postfix) cannot enter /mnt/run")
    mend(said)
    tap.equal(told(*case, socket_group="postfix"), "")


def test_a_socket_that_postfix_may_not_write_to():
    folder("/mnt/run")
    case = ("/mnt/run/s.sock",
        "smtpd_milters = { unix:/mnt/run/s.sock, default_action=accept }")
    tap.contains(told(*case), 'set socket_group = "postfix"')
    tap.contains(told(*case, socket_mode="0600"),
        'set socket_group = "postfix" and socket_mode = "0660"')
    tap.equal(told(*case, socket_group="postfix"), "")
    tap.equal(told(*case, socket_mode="0666"), "")


def test_a_chrooted_smtpd_reaches_its_queue_only():
    folder("/mnt/run")
    os.makedirs(QUEUE, exist_ok=True)
    said = told("/mnt/run/s.sock", "smtpd_milters = unix:/mnt/run/s.sock",
        CHROOTED, socket_group="postfix", user="spf-milter")
    tap.contains(said, "smtpd is chrooted")
    mend(said)
    place = re.search('socket = "unix:([^"]*)"', said)[1]
    tap.equal(told(place, "smtpd_milters = %s" % said.split(" ")[-1],
        CHROOTED, socket_group="postfix", user="spf-milter"), "")


def test_a_folder_that_sendmail_finds_unsafe():
    folder("/mnt/run", FILTER, FILTER, 0o775)
    case = dict(sendmail="Xspf-milter, S=unix:/mnt/run/s.sock\n")
    said = told("/mnt/run/s.sock", **case)
    tap.contains(said, "sendmail takes no socket below /mnt/run")
    mend(said)
    tap.equal(told("/mnt/run/s.sock", **case), "")


def test_a_link_on_the_way_that_sendmail_does_not_follow():
    folder("/mnt/run")
    os.symlink("/mnt/run", "/mnt/link")
    atexit.register(os.unlink, "/mnt/link")
    said = told("/mnt/link/s.sock",
        sendmail="Xspf-milter, S=unix:/mnt/link/s.sock\n")
    tap.contains(said, 'socket = "unix:/mnt/run/s.sock"')


def test_a_start_warns_of_it():
    folder("/mnt/run")
    write("/etc/postfix/main.cf", "smtpd_milters = unix:/mnt/run/s.sock\n")
    write("/etc/postfix/master.cf", OPEN)
    with daemon.Daemon(socket_spec="unix:/mnt/run/s.sock") as d:
        tap.contains(d.wait_for_log("Postfix"), "warning: ")


tap.main(globals())
