# SPDX-License-Identifier: BSD-2-Clause
"""Other filters, from their packages, in a lab: OpenDKIM, OpenDMARC, rspamd."""

import os
import shutil
import subprocess

import lab
import milterclient
import watch
from milterclient import apply_edits

# Public suffixes of the tests; rspamd compiles the whole list for 20 s.
SUFFIXES = "com\nnet\norg\nexample\n"

RSPAMD = """\
lua = "{base}/saw.lua";
options {{
	pidfile = "{base}/pid"; control_socket = "{base}/control";
	tempdir = "{base}"; dbdir = "{base}"; hs_cache_dir = "{base}";
	disable_hyperscan = true; filters = "dkim";
	url_tld = "{base}/suffixes"; local_addrs = ["127.0.0.0/8"];
	dns {{ nameserver = ["127.0.0.1:53"]; timeout = 2s; }}
}}
logging {{ type = "console"; level = "warning"; }}
modules {{
	path = "/usr/share/rspamd/plugins/spf.lua";
	path = "/usr/share/rspamd/plugins/dmarc.lua";
	path = "/usr/share/rspamd/plugins/milter_headers.lua";
}}
dkim {{ }}
spf {{ }}
dmarc {{ }}
milter_headers {{
	use = ["authentication-results"];
	skip_local = false; skip_authenticated = false;
}}
worker "rspamd_proxy" {{
	bind_socket = "{base}/socket mode=0666"; milter = yes; count = 1;
	upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""

# What it has seen of these fields, in fields of its own.
SAW = """\
rspamd_config.SAW = {{
	callback = function(task)
		local saw = {{}}
		for _, name in ipairs({{ {names} }}) do
			saw['X-Saw-' .. name] = (task:get_header(name) or
				'nothing'):gsub('%s+', ' ')
		end
		task:set_milter_reply({{ add_headers = saw }})
	end
}}
"""


def key(path):
    """Makes a key; the text of the record for its selector."""
    lab.command("openssl", "genrsa", "-out", path, "2048")
    os.chmod(path, 0o600)
    public = lab.command("openssl", "rsa", "-in", path, "-pubout")
    return "v=DKIM1; k=rsa; p=" + "".join(l for l in public.splitlines()
        if len(l) > 60 or l.endswith("AQAB"))


class Filter:
    """A milter of the trusted domain project, with its default configuration
    and these lines."""

    def __init__(self, lab_, program, name, *lines):
        self.socket = "unix:%s/%s" % (lab_.dir, name)
        conf = "%s/%s.conf" % (lab_.dir, name)
        lab.write(conf, "".join(l + "\n" for l in ("Syslog yes",
            "UMask 000", "Socket local:%s/%s" % (lab_.dir, name)) + lines))
        self.process = subprocess.Popen([program, "-f", "-x" if program
            == "opendkim" else "-c", conf], stdin=subprocess.DEVNULL)
        watch.wait_for(lambda: os.path.exists(self.socket[5:]), name)

    def milter(self):
        return milterclient.Milter(self.socket)


class Rspamd:
    """With SPF, DKIM and DMARC alone.  saw: names of fields of which it tells
    in X-Saw-NAME what it has seen."""

    def __init__(self, lab_, saw):
        base = lab_.dir + "/rspamd"
        os.mkdir(base)
        shutil.chown(base, "nobody", "nogroup")
        self.socket = "unix:%s/socket" % base
        lab.write(base + "/suffixes", SUFFIXES)
        lab.write(base + "/saw.lua", SAW.format(
            names=", ".join("'%s'" % n for n in saw)))
        lab.write(base + "/rspamd.conf", RSPAMD.format(base=base))
        self.process = subprocess.Popen(["rspamd", "-f", "-u", "nobody",
            "-g", "nogroup", "-c", base + "/rspamd.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        watch.wait_for(self.answers, "rspamd", 60)

    def answers(self):
        try:
            self.milter().close()
        except OSError:
            return False
        return True

    def milter(self):
        return milterclient.Milter(self.socket)


def through(filter_, headers, sender, client, helo, user=None, host=None):
    """The header that the filter makes of this one; None: refused."""
    with filter_.milter() as m:
        m.connect(client, macros={"j": host} if host else None)
        m.helo(helo)
        done = m.message(sender=sender, headers=headers,
            macros={"{auth_authen}": user} if user else None)
        if done.refusal:
            return None
        return apply_edits(headers, done.edits)
