# SPDX-License-Identifier: BSD-2-Clause
"""spf-why over HTTP: what it says, what strangers can do to it, and itself
behind the web servers that it is made for."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import html
import tap
import why
import whytoken
from watch import wait_for
from why import Why

why.require()

OLD = "v=spf1 ip4:61.251.112.141 ip4:61.251.112.143 ip4:61.251.112.144 -all"
NEW = OLD.replace("-all", "ip4:9.8.7.6 -all")
ZONE = "".join('%s TXT "%s"\n' % row for row in (
    ("kisarbl.or.kr.", OLD), ("new.example.", NEW),
    ("soft.example.", "v=spf1 ip4:192.0.2.1 ~all"),
    ("redirect.example.", "v=spf1 redirect=kisarbl.or.kr"),
    ("tree.example.", "v=spf1 include:_i.tree.example a:gone.example -all"),
    ("_i.tree.example.", "v=spf1 ip4:192.0.2.0/24 ?all"),
    ("many.example.", "v=spf1 " + "ip4:192.0.2.1 " * 120 + "-all"),
    ("wrong.example.", "v=spf1 ipv4:192.0.2.1 -all"))) + \
    "dead.example. SERVFAIL\n"
CHILDREN = []


def token(**facts):
    return whytoken.encode(why.KEY, **{"client": "9.8.7.6",
        "domain": "kisarbl.or.kr", **facts})


PLAIN = Why()
ASKS = Why("--recheck", "--zone", why.write("zone", ZONE), "--contact",
    "help@example.org")


def test_a_page_comes_with_the_fields_that_protect_it():
    status, fields, text = PLAIN.get("/why?t=" + token())
    tap.equal(status, 200)
    tap.contains(text, "kisarbl.or.kr")
    policy = fields["Content-Security-Policy"].split("; ")
    tap.equal(policy[0], "default-src 'none'")
    tap.true(re.fullmatch("style-src 'sha256-[A-Za-z0-9+/]{43}='",
        policy[1]), policy)
    tap.equal(sorted(policy[2:]), ["base-uri 'none'", "form-action 'self'",
        "frame-ancestors 'none'"])
    for name, value in (("Content-Type", "text/html; charset=utf-8"),
            ("Content-Language", "en"), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"),
            ("X-Robots-Tag", "noindex, nofollow"),
            ("Vary", "Accept-Language")):
        tap.equal(fields.get(name), value, name)


def test_the_style_is_that_of_the_policy():
    browser = shutil.which("chromium")
    if browser is None:
        tap.skip("no chromium")
    log = subprocess.run([browser, "--headless", "--disable-gpu",
        "--no-sandbox", "--enable-logging=stderr", "--user-data-dir=" +
        why.FOLDER + "/browser", "--dump-dom", "http://127.0.0.1:%d/?t=%s" % (
        PLAIN.port, token())], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=120)
    tap.contains(log.stdout.decode(), "kisarbl.or.kr")
    tap.lacks(log.stderr.decode(), "Content Security Policy")


def test_the_reader_chooses_the_language():
    def language(path, accept=None):
        fields = {"Accept_Language": accept} if accept is not None else {}
        return PLAIN.get(path, **fields)[1]["Content-Language"]
    for accept, want in ((None, "en"), ("ko", "ko"), ("ko-KR,ko;q=0.9", "ko"),
            ("en;q=0.5, ko", "ko"), ("ko;q=0.2,en;q=0.9", "en"),
            ("de, fr;q=0.5", "en"), ("de,ko;q=0.1", "ko"), ("ko;q=0", "en"),
            (",,;q=,ko-", "ko"), ("*", "en")):
        tap.equal(language("/", accept), want, accept)
    tap.equal(language("/?l=ko", "en"), "ko")
    tap.equal(language("/?l=xx", "ko"), "ko")


def test_nothing_tells_a_bad_token_from_none():
    good = token()
    pages = [PLAIN.get(path) for path in ("/", "/why", "/?t=", "/?t=x",
        "/?t=" + good[:-1], "/?t=" + token(seconds=1600000000),
        "/?t=%00" + good, "/a/b?t=%22%3E&q=1")]
    tap.equal(len({p[2] for p in pages}), 1)
    for status, fields, _ in pages:
        fields.pop("Date")
        tap.equal((status, fields), (200, pages[0][1]))


def test_methods_are_three():
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        status, fields, _ = PLAIN.get("/", method)
        tap.equal((status, fields.get("Allow")), (405, "GET, HEAD, POST"))
    tap.equal(PLAIN.get("/", "HEAD")[2], "")
    tap.equal(PLAIN.get("/", "POST")[2], PLAIN.get("/")[2])


def asked(client="198.51.100.1", **facts):
    """The text of the page after a look at the DNS."""
    status, _, text = ASKS.get("/?t=" + token(**facts), "POST",
        X_Forwarded_For="203.0.113.9, " + client)
    tap.equal(status, 200)
    return html.unescape(re.sub("<[^>]*>", "", text))


def test_no_page_looks_anything_up_unless_it_may():
    tap.lacks(PLAIN.get("/?t=" + token())[2], "<form")
    tap.lacks(PLAIN.get("/?t=" + token(), "POST")[2], "61.251")
    tap.contains(ASKS.get("/?t=" + token())[2], "<form method=\"post\">")
    tap.lacks(ASKS.get("/?t=" + token())[2], "61.251")
    tap.equal(ASKS.get("/?t=x", "POST")[2], ASKS.get("/")[2])


def test_a_look_shows_the_record_and_what_would_pass():
    text = asked()
    tap.contains(text, "The result is still the same. fail")
    tap.contains(text, OLD)
    tap.contains(text, "would pass:\n" + NEW)
    tap.contains(text, "help@example.org")
    tap.lacks(text, "the page asks")
    tap.contains(text, "the page stores nothing")
    tap.contains(asked(domain="soft.example"),
        "v=spf1 ip4:192.0.2.1 ip4:9.8.7.6 ~all")


def test_a_record_that_redirect_led_to_is_told_as_such():
    tap.contains(asked(client="198.51.99.1", domain="redirect.example"),
        "redirect=kisarbl.or.kr\n" + OLD)
    tap.lacks(asked(client="198.51.99.1"), "redirect=")


def test_a_look_draws_how_the_result_came_about():
    page = ASKS.get("/why?t=" + token(domain="tree.example"), method="POST",
        X_Forwarded_For="198.51.100.77")[2]
    tree = page[page.index('<ul class="tree">'):page.index("<form")]
    tap.equal(re.findall('<li class="way">.*?<code[^>]*>([^<]*)<', tree,
        re.S), ["tree.example", "-all"])
    tap.equal([" ".join(html.unescape(re.sub("<[^>]*>", "", l)).split())
        for l in tree.splitlines() if "<code" in l], [
        "tree.example fail",
        "TXT tree.example \u2192 v=spf1 include:_i.tree.example "
        "a:gone.example -all",
        "include:_i.tree.example does not match",
        "TXT _i.tree.example \u2192 v=spf1 ip4:192.0.2.0/24 ?all",
        "ip4:192.0.2.0/24 does not match",
        "?all matches: neutral",
        "a:gone.example does not match",
        "A gone.example no such name",
        "-all matches: fail"])


def test_a_tree_that_is_drawn_has_an_end():
    page = ASKS.get("/why?t=" + token(domain="many.example"), method="POST",
        X_Forwarded_For="198.51.100.77")[2]
    tree = page[page.index('<ul class="tree">'):page.index("<form")]
    tap.equal(tree.count("<li"), 100)
    tap.contains(tree, "and more")


def test_a_look_sees_what_has_been_corrected():
    tap.contains(asked(client="198.51.101.1", domain="new.example"),
        "9.8.7.6 would pass now")
    text = asked(client="198.51.101.1", domain="wrong.example")
    tap.contains(text, "permerror")
    tap.contains(text, 'unknown mechanism "ipv4:192.0.2.1"')
    tap.contains(asked(client="198.51.101.1", domain="none.example"),
        "The result would be another one now: none")
    tap.contains(asked(client="198.51.101.1", domain="dead.example"),
        "The DNS has not answered in time")


def test_a_domain_that_was_cut_is_not_looked_up():
    tap.contains(asked(client="198.51.102.1", domain=".example"),
        "Too many have asked")


def test_a_network_may_ask_so_often_and_others_still_may():
    for _ in range(6):
        tap.lacks(asked(client="192.0.2.7"), "Too many have asked")
    tap.contains(asked(client="192.0.2.200"), "Too many have asked")
    tap.lacks(asked(client="2001:db8:1::1"), "Too many have asked")


HOSTILE = [b"\0" * 1000, b"GET\r\n\r\n", b"\r\n" * 5000,
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000 + b"\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.0\r\n\r\n",
    b"GET /?t=" + b"A" * 15000 + b" HTTP/1.0\r\n\r\n",
    b"GET /?" + b"t=A&" * 3000 + b" HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nAccept-Language: " + b",;q=" * 3000 + b"\r\n\r\n",
    b"GET /?t=%ff%fe%00%&l=%c3%28 HTTP/1.0\r\nAccept-Language: \xff\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n"
    b"\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
    b"b" * 100000,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"fffffffffffffffff\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\xaa" * 500,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]


def test_hostile_requests_are_survived():
    for server in (PLAIN, ASKS):
        for data in HOSTILE:
            server.raw(data)
            tap.true(server.is_up(), "alive after %r" % data[:40])
        tap.equal(server.get("/")[0], 200)


def test_slow_clients_keep_nobody_waiting():
    slow = []
    begin = time.monotonic()
    for _ in range(300):		# more than it has places
        s = socket.create_connection(("127.0.0.1", PLAIN.port), timeout=10)
        s.sendall(b"GET / HTTP/1.1\r\nHost:")
        slow.append(s)
    tap.equal(PLAIN.get("/", Host="a")[0], 200)
    tap.true(time.monotonic() - begin < 6, "at once")
    for s in slow:
        s.close()


def test_many_requests_take_no_memory():
    path = "/?t=" + token()
    for _ in range(400):
        PLAIN.get(path)
    before = PLAIN.memory()
    for _ in range(1200):
        PLAIN.get(path)
    tap.true(PLAIN.memory() - before < 4096, "kB: %d, then %d" % (before,
        PLAIN.memory()))


def test_a_unix_socket_serves_too_and_one_left_over_gives_way():
    path = os.path.join(why.FOLDER, "socket")
    for _ in range(2):
        server = Why(listen="unix:" + path)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            tap.contains(s.recv(65536).decode("latin-1"), "200 OK")
        server.kill()


def test_a_unix_socket_of_another_program_stays_theirs():
    """Also where it takes nobody just now."""
    path = os.path.join(why.FOLDER, "theirs")
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(path)
        os.chmod(path, 0o666)
        theirs.listen(0)
        waiting = []
        while not waiting or waiting[-1].connect_ex(path) == 0:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
        status, _, err = why.run("-k", why.key_file(), "--texts", why.TEXTS,
            "--listen", "unix:" + path)
        for s in waiting:
            s.close()
    tap.equal(status, 69, err)
    tap.contains(err, "Address already in use")


def start_server(command, port):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    CHILDREN.append(process)
    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False
    wait_for(answers, "an answer of " + command[0], 60)


def end_children():
    for process in CHILDREN:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    CHILDREN.clear()


atexit.register(end_children)


def sample(name):
    """Of contrib, for our port."""
    with open(os.path.join(daemon.SRCDIR, "contrib",
            "spf-why." + name)) as f:
        text = f.read()
    tap.contains(text, "127.0.0.1:9886")
    return why.write(name, text.replace("127.0.0.1:9886",
        "127.0.0.1:%d" % ASKS.port))


def check_behind(port, network):
    """What a web server hands on, and who it says that asks."""
    behind = Why.__new__(Why)
    behind.port = port
    path = "/why?t=" + token()
    status, fields, text = behind.get(path, Accept_Language="ko")
    tap.equal((status, fields["Content-Language"]), (200, "ko"))
    tap.contains(text, "kisarbl.or.kr")
    tap.contains(fields["Content-Security-Policy"], "default-src 'none'")
    tap.true(behind.get("/why", "PUT")[0] in (403, 405), "PUT")
    for n in range(7):
        text = behind.get(path, "POST", "",
            X_Forwarded_For="%s.%d" % (network, n))[2]
        tap.equal("Too many have asked" in text, n == 6, "request %d" % n)


def test_nginx_hands_on_who_asks():
    if shutil.which("nginx") is None:
        tap.skip("no nginx")
    port = daemon.free_port()
    start_server(["nginx", "-c", why.write("nginx-main.conf", """
daemon off;
pid %(place)s/nginx.pid;
error_log %(place)s/nginx.log;
events { }
http {
	access_log off;
	client_body_temp_path %(place)s/body;
	proxy_temp_path %(place)s/proxy;
	fastcgi_temp_path %(place)s/fastcgi;
	uwsgi_temp_path %(place)s/uwsgi;
	scgi_temp_path %(place)s/scgi;
	server {
		listen 127.0.0.1:%(port)d;
		include %(sample)s;
	}
}
""" % {"place": why.FOLDER, "port": port, "sample": sample("nginx.conf")})],
        port)
    # Of loopback nobody is told apart: this uses up what it may ask.
    check_behind(port, "198.51.103")
    end_children()


def test_apache_hands_on_who_asks():
    modules = "/usr/lib/apache2/modules"
    if shutil.which("apache2") is None or not os.path.isdir(modules):
        tap.skip("no Apache")
    server = Why("--recheck", "--zone", why.write("zone", ZONE))
    port = daemon.free_port()
    ASKS.port, kept = server.port, ASKS.port
    place = sample("apache.conf")
    ASKS.port = kept
    start_server(["apache2", "-DFOREGROUND", "-f", why.write("apache-main.conf",
        "".join("LoadModule %s_module %s/mod_%s.so\n" % (m, modules, m)
            for m in ("mpm_event", "authz_core", "proxy", "proxy_http")) +
        """ServerName localhost
ServerRoot %(place)s
PidFile %(place)s/apache.pid
ErrorLog %(place)s/apache.log
DefaultRuntimeDir %(place)s
Listen 127.0.0.1:%(port)d
User nobody
Group nogroup
Include %(sample)s
""" % {"place": why.FOLDER, "port": port, "sample": place})], port)
    check_behind(port, "198.51.104")
    end_children()
    server.stop_well()


def test_what_is_wrong_is_told():
    key = why.key_file(name="other.key")
    os.chmod(key, 0o640)
    for args, status, part in (
            ((), 64, "--key is missing"),
            (("-k", key), 78, "other.key: others than its owner"),
            (("-k", why.FOLDER + "/none"), 78, "none: No such file"),
            (("-k", why.key_file(), "--texts", why.FOLDER + "/none"), 78,
                "none: No such file"),
            (("-k", why.key_file(), "--texts", why.TEXTS, "-l", "localhost"),
                69, "ADDRESS:PORT"),
            (("-k", why.key_file(), "--texts", why.TEXTS, "-l",
                PLAIN.listen), 69, "Address already in use"),
            (("-k", why.key_file(), "--days", "0"), 64, "1 to 3650"),
            (("--zone", "x", "-k", key), 64, "goes with --recheck"),
            (("--new-key", key), 73, "File exists")):
        got, _, err = why.run(*args)
        tap.equal(got, status, "%r: %s" % (args, err))
        tap.contains(err, part)


def test_a_language_that_lacks_a_text_is_told():
    folder = os.path.join(why.FOLDER, "texts")
    shutil.copytree(why.TEXTS, folder)
    with open(folder + "/de.json", "w") as f:
        f.write('{"name": "Deutsch"}')
    status, _, err = why.run("--render", "", "-k", why.key_file(), "--texts",
        folder)
    tap.equal(status, 78)
    tap.contains(err, 'de.json has no "title", which en.json has')
    with open(folder + "/de.json", "w") as f:
        f.write('{"name": 1}')
    tap.contains(why.run("--render", "", "-k", why.key_file(), "--texts",
        folder)[2], "de.json: name: a text or a list of texts is wanted")


def test_root_serves_no_stranger():
    if os.geteuid() != 0:
        tap.skip("not root")
    done = subprocess.run([why.PROGRAM, "-k", why.key_file(), "--texts",
        why.TEXTS], stderr=subprocess.PIPE, timeout=60)
    tap.equal(done.returncode, 77)
    tap.contains(done.stderr.decode(), "not as root")


def test_both_end_well():
    PLAIN.stop_well()
    ASKS.stop_well()


tap.main(globals())
