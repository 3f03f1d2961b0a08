# SPDX-License-Identifier: BSD-2-Clause
"""The unix socket that README tells for a Postfix whose smtpd is chrooted:
a folder of the filter's user below the queue directory, the filter without
root in Postfix' group."""

import grp
import os
import pwd
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import lab
import mta
import smtp
import spec
import tap
from daemon import Daemon, as_user

lab.require("postfix", "setpriv")

PLACE = ("198.51.100.25", 25)
LAB = lab.Lab()
tempfile.tempdir = LAB.dir
USER = pwd.getpwnam("nobody")
GROUP = grp.getgrnam("postfix")
SERVER = dnsserver.DnsServer(spec.ZONE)


class Chrooted(mta.Postfix):
    def service(self, listener):
        """In the chroot, out of reach of the server for AUTH."""
        text = super().service(listener).replace("n - n", "n - y", 1)
        return text.replace("auth_enable=yes", "auth_enable=no") + \
            " -o milter_default_action=tempfail\n"


POSTFIX = Chrooted(LAB, [mta.Listener(*PLACE, "unix:spf/s.sock")])


def start_filter():
    folder = POSTFIX.base + "/queue/spf"
    os.mkdir(folder)
    os.chown(folder, USER.pw_uid, GROUP.gr_gid)
    os.chmod(folder, 0o750)
    return Daemon(dns=SERVER, socket_spec="unix:%s/s.sock" % folder,
        socket_group="postfix", prefix=as_user(USER.pw_uid, USER.pw_gid,
        [GROUP.gr_gid]))


FILTER = start_filter()
POSTFIX.start()


def test_mail_of_a_chrooted_smtpd_is_checked():
    for sender, reply in (("<u@pass.example.com>", "250 2.1.5 Ok"),
            ("<u@fail.example.com>", spec.reply("fail", spec.CLIENT))):
        with smtp.Client(PLACE, spec.CLIENT) as client:
            tap.equal(client.banner[-1][:4], "220 ", POSTFIX.log())
            client.command("EHLO " + spec.HELO)
            client.command("MAIL FROM:" + sender)
            tap.equal(client.command("RCPT TO:<test@example.org>"), [reply],
                POSTFIX.log())


def test_filter_ends_well():
    FILTER.stop_well()


try:
    tap.main(globals())
finally:
    POSTFIX.stop()
