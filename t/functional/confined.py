# SPDX-License-Identifier: BSD-2-Clause
"""What the daemon gives up once it has started, and that all it does goes on
without.  What it cannot do any more is tried in t/unit/base/confine_test.c."""

import os
import pwd
import grp
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import spec
import tap
import why
import whytoken
from daemon import Daemon

ZONE = 'example.com TXT "v=spf1 ip4:203.0.113.77 -all"\n'
SERVER = spec.server()
FAIL = [spec.reply("fail", spec.CLIENT)]
PARTS = ("no_new_privs", "seccomp", "landlock", "non-dumpable")


def send(d, sender="<u@fail.example.com>"):
    with d.milter() as m:
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        return m.message(sender=sender)


def held(d):
    """The parts that its log says to hold: name -> value."""
    line = d.wait_for_log("confined: ")
    if "this build cannot" in line:
        tap.skip("this build cannot")
    line = line.split("confined: ")[1]
    return dict((word + "=").split("=")[:2] for word in line.split())


def need(d, part):
    if part not in held(d):
        tap.skip(re.search("not confined by %s: (.*)" % part, d.log())[1])


def threads(pid):
    """/proc/PID/status of each thread, as a dictionary."""
    for thread in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/status" % (pid, thread)) as f:
                lines = f.read().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue	# it has ended
        yield dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_each_part_holds_or_is_warned_of():
    with Daemon(dns=SERVER, behavior=3) as d:
        parts = held(d)
        tap.equal(parts.pop("user"), pwd.getpwuid(os.geteuid()).pw_name)
        for part in PARTS:
            warned = "warning: not confined by %s: " % part in d.log()
            tap.equal(part in parts, not warned, part)
        tap.equal(send(d).refusal, FAIL)


def test_every_thread_has_the_filter_and_no_new_privileges():
    with Daemon(dns=SERVER, behavior=3) as d:
        need(d, "seccomp")
        send(d)
        states = list(threads(d.pid))
        tap.true(len(states) > 5, "%d threads" % len(states))
        for state in states:
            tap.equal((state["NoNewPrivs"], state["Seccomp"]), ("1", "2"),
                state["Name"])


def test_it_is_not_confined_where_the_configuration_says_so():
    with Daemon(dns=SERVER, behavior=3, confine=False) as d:
        d.wait_for_log("not confined: confine = false")
        tap.equal({s["Seccomp"] for s in threads(d.pid)}, {"0"})
        tap.equal(send(d).refusal, FAIL)


def test_no_rights_are_left_of_root():
    if os.geteuid() != 0:
        tap.skip("needs root")
    account = pwd.getpwnam("nobody")
    groups = set(os.getgrouplist(account.pw_name, account.pw_gid))
    with Daemon(dns=SERVER, user="nobody") as d:
        for state in threads(d.pid):
            tap.equal(state["Uid"].split(), [str(account.pw_uid)] * 4)
            tap.equal(state["Gid"].split(), [str(account.pw_gid)] * 4)
            tap.equal(set(map(int, state["Groups"].split())), groups)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                tap.equal(int(state[kind], 16), 0, kind)


def test_groups_of_the_account_are_kept_and_no_others():
    if os.geteuid() != 0:
        tap.skip("needs root")
    users = [(u, {g.gr_gid for g in grp.getgrall() if u.pw_name in g.gr_mem})
        for u in pwd.getpwall() if u.pw_uid]
    account, more = max(users, key=lambda u: len(u[1]))
    if not more:
        tap.skip("no account with a second group")
    with Daemon(dns=SERVER, user=account.pw_name, start=False) as d:
        d.command[:0] = ["setpriv", "--groups=0,4"]
        d.start()
        for state in threads(d.pid):
            tap.equal(set(map(int, state["Groups"].split())),
                more | {account.pw_gid})


def test_a_capability_that_it_was_started_with_is_given_up():
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        tap.skip("needs root and setpriv")
    prefix = daemon.as_user(65534, 65534) + [
        "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
    with Daemon(dns=SERVER, prefix=prefix, start=False) as d:
        os.chmod(d.directory, 0o777)
        d.start()
        for state in threads(d.pid):
            for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                tap.equal(int(state[kind], 16), 0, kind)


def test_nobody_of_its_user_looks_into_it():
    if os.geteuid() != 0:
        tap.skip("needs root")
    look = daemon.as_user(65534, 65534) + ["cat"]
    for confine in (True, False):
        with Daemon(dns=SERVER, prefix=look[:-1], confine=confine,
                start=False) as d:
            os.chmod(d.directory, 0o777)
            d.start()
            if confine:
                need(d, "non-dumpable")
            done = subprocess.run(look + ["/proc/%d/environ" % d.pid],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            tap.equal(done.returncode == 0, not confine, done.stderr)


# A reload

def test_a_reload_reads_what_has_taken_the_place_of_its_files():
    with tempfile.TemporaryDirectory(prefix="spf-milter-test.") as folder:
        os.chmod(folder, 0o755)
        name = os.path.join(folder, "list")

        def write(text):
            with open(name + ".new", "w") as f:
                f.write(text)
            os.rename(name + ".new", name)

        write("198.51.100.1\n")
        options = dict(dns=SERVER, behavior=3,
            trusted_networks=["file:" + name])
        with Daemon(**options) as d:
            tap.equal(send(d).refusal, FAIL)
            write(spec.CLIENT + "\n")
            d.wait_for_log(name)
            tap.equal(send(d).refusal, None)
            tap.true(d.reload(**options), "reloaded")


def test_a_reload_that_names_a_file_elsewhere_asks_for_a_restart():
    with tempfile.TemporaryDirectory(prefix="spf-milter-test.") as folder, \
            Daemon(dns=SERVER, behavior=3) as d:
        need(d, "landlock")
        os.chmod(folder, 0o755)
        name = os.path.join(folder, "list")
        with open(name, "w") as f:
            f.write(spec.CLIENT + "\n")
        start = len(d.lines)
        tap.equal(d.reload(dns=SERVER, behavior=3,
            trusted_networks=["file:" + name]), False)
        line = d.wait_for_log("restart it", start=start)
        tap.contains(line, name)
        tap.equal(send(d).refusal, FAIL)


def test_a_reload_that_names_a_server_at_another_port_asks_for_a_restart():
    with Daemon(dns=SERVER, behavior=3) as d:
        need(d, "landlock")
        start = len(d.lines)
        tap.equal(d.reload(behavior=3, dns_options={"servers":
            ["127.0.0.1:54"]}), False)
        tap.contains(d.wait_for_log("restart it", start=start),
            "127.0.0.1:54")
        tap.true(d.reload(behavior=3, dns_options={"servers":
            [SERVER.address, "127.0.0.2"]}), "port 53 is one")
        tap.equal(send(d).refusal, FAIL)


def test_its_sockets_are_removed_at_the_end():
    daemon.need_http()
    with tempfile.TemporaryDirectory(prefix="spf-milter-test.") as folder, \
            Daemon(dns=SERVER, start=False) as d:
        d.configure(dns=SERVER, control=folder + "/control",
            pid_file=folder + "/pid")
        d.start()
        done = subprocess.run([daemon.PROGRAM, "--reload", "-c", d.config],
            capture_output=True, text=True, timeout=60)
        tap.equal(done.returncode, 0, done.stderr)
        d.stop_well()
        tap.equal(os.listdir(folder), [])
        tap.true(not os.path.exists(d.socket[5:]), "its socket is gone")


# spf-why

def test_the_page_gives_up_the_same_and_serves():
    if not os.access(why.PROGRAM, os.X_OK):
        tap.skip("spf-why is not built")
    for args in ((), ("--recheck", "--zone", why.write("zone", ZONE))):
        w = why.Why(*args)
        tap.equal(w.get("/")[0], 200)
        if args:
            status, _, page = w.get("/?t=" + whytoken.encode(why.KEY),
                "POST", "")
            tap.equal(status, 200)
            tap.contains(page, "v=spf1 ip4:203.0.113.77 -all")
        built = "this build cannot" not in w.started
        for state in threads(w.process.pid) if built else ():
            tap.contains(w.started, "confined: user=%s "
                % pwd.getpwuid(int(state["Uid"].split()[0])).pw_name)
            tap.equal((state["NoNewPrivs"], state["Seccomp"],
                int(state["CapEff"], 16)), ("1", "2", 0), state["Name"])
        w.stop_well()


tap.main(globals())
