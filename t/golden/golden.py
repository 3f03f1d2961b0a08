# SPDX-License-Identifier: BSD-2-Clause
"""Transactions played with spf-milter -t, and records that it checks or
writes, compared with what is expected.

One directory a case:
    conf            configuration; missing: the built-in defaults
    zone            DNS as text, in the form told in spf-milter(8)
    input or args   lines for standard input, or arguments one a line
    command         arguments one a line in place of -t and its own
    expected        standard output, exit status and standard error
    expected.json   standard output with --json instead, where that is of
                    interest; each object written over several lines
    header          header of the message, for --header with args
conf, zone and input are those of the parent directory where a case has none.
In input, args and command, \\xNN is an octet.  Our own name is mx.example.org
unless conf sets hostname.

    golden.py [--update] [PART-OF-A-NAME ...]
--update writes what it gets to expected and to the expected.json that exist
(empty ones in a new case): read the difference before you commit it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
    "..", "lib"))

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.environ.get("BUILDDIR", "."), "src", "spf-milter")
UPDATE = "--update" in sys.argv


def read(path):
    with open(path, "rb") as f:
        return f.read()


def octets(data):
    return re.sub(rb"\\x([0-9a-f]{2})",
        lambda m: bytes([int(m.group(1), 16)]), data)


def find(case, name):
    """The file of a case or of its parent directory; None."""
    for folder in (case, os.path.dirname(case)):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def arguments(case, conf):
    args = [PROGRAM, "-c", conf]
    own = os.path.join(case, "command")
    path = own if os.path.exists(own) else os.path.join(case, "args")
    words = [octets(a) for a in read(path).splitlines()] \
        if os.path.exists(path) else []
    if path != own:
        args.append("-t")
    if b"--generate" not in words:
        args += ["--zone", find(case, "zone")]
    path = os.path.join(case, "header")
    if os.path.exists(path):
        args += ["--header", path]
    return args + words


def configuration(case, f):
    path = find(case, "conf")
    own = read(path) if path else b""
    if b"hostname" not in own:
        f.write(b'hostname = "mx.example.org"\n')
    f.write(own)
    f.flush()


def run(case, *more):
    """(standard output, standard error, exit status)"""
    path = find(case, "input")
    with tempfile.NamedTemporaryFile(prefix="golden") as f:
        configuration(case, f)
        p = subprocess.run(arguments(case, f.name) + list(more),
            input=octets(read(path)) if path else b"",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return p.stdout, p.stderr, p.returncode


def transcript(case):
    out, err, status = run(case)
    text = out.decode() + "exit status %d\n" % status
    if err:
        text += "standard error:\n" + ascii(err.decode("latin-1"))[1:-1]. \
            replace("\\n", "\n")
    return text


def objects(case):
    out, _, _ = run(case, "--json")
    lines = out.decode("ascii").splitlines()
    return "".join(json.dumps(json.loads(line), indent=1) + "\n"
        for line in lines)


def compare(path, got):
    want = read(path).decode() if os.path.exists(path) else ""
    if UPDATE and got != want:
        with open(path, "w", encoding="utf-8") as f:
            f.write(got)
        tap.diag("%s: written" % os.path.relpath(path, HERE))
    elif got != want:
        tap.equal(got, want)


def play(case):
    compare(os.path.join(case, "expected"), transcript(case))
    path = os.path.join(case, "expected.json")
    if os.path.exists(path):
        compare(path, objects(case))


def cases():
    for root, folders, files in os.walk(HERE):
        folders.sort()
        if {"expected", "args", "command"} & set(files):
            yield os.path.relpath(root, HERE), root


def main():
    tap.limit(240)
    runner = tap.Runner()
    for name, case in cases():
        if tap.wanted(name.replace("_", " ")):
            runner.case(name, play, case)
    if runner.count == 0:
        tap.bail_out("no case")
    sys.exit(runner.finish())


main()
