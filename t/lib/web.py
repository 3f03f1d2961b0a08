# SPDX-License-Identifier: BSD-2-Clause
"""What looks at pages: the tools that t/web/setup.sh installs."""

import os
import subprocess

import daemon
import tap

WEB = os.path.join(daemon.SRCDIR, "t", "web")
TOOLS = os.environ.get("WEB_TOOLS") or os.path.join(WEB, "node_modules")


def tool(name):
    """The path of a file of a tool; skips the test where it is missing."""
    path = os.path.join(TOOLS, name)
    if not os.path.exists(path):
        tap.skip("no %s: t/web/setup.sh installs it" % name)
    return path


def complaints(*files):
    """What html-validate says of them; "" where they are valid."""
    done = subprocess.run(["node", tool("html-validate/bin/html-validate.mjs"),
        "--config", os.path.join(WEB, "htmlvalidate.json"), *files],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=120)
    return "" if done.returncode == 0 else done.stdout or "failed"
