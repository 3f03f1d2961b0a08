# SPDX-License-Identifier: BSD-2-Clause
"""The page of refusals: its texts, its HTML, and what a browser makes of it."""

import html
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap
import web
import why
import whytoken

why.require()

PAGES = why.pages()
BROWSER = shutil.which("chromium")


def shown(page):
    """The text of a page."""
    body = page[page.index("<body>"):]
    return html.unescape(re.sub("<[^>]*>", "", body))


def load(language):
    with open(os.path.join(why.TEXTS, language + ".json")) as f:
        return json.load(f)


def test_languages_say_the_same_with_the_same_values():
    texts = {l: load(l) for l in why.LANGUAGES}
    for key in set().union(*texts.values()):
        found = {}
        for language, own in texts.items():
            text = own.get(key)
            if text is not None:
                lines = text if isinstance(text, list) else [text]
                found[language] = (len(lines), sorted(set(re.findall(
                    r"\{\w+\}", " ".join(lines)))))
        tap.equal(len(set(map(str, found.values()))), 1, "%s: %r" % (key,
            found))


def test_no_page_lacks_a_text_or_a_value():
    for name, page in PAGES.items():
        text = shown(page)
        tap.equal(re.findall(r"\{\w+\}|\ufffd", text), [], name)
        tap.equal(re.findall(r"<(?:h\d|li|dt|p)[^>]*></", page), [], name)


def test_each_case_has_a_verdict_of_its_own():
    for language in why.LANGUAGES:
        heads = [re.search("<h1>(.*)</h1>", PAGES[n + "-" + language])[1]
            for n in ("fail", "softfail", "neutral", "none", "permerror",
                "temperror", "helo", "null")]
        tap.equal(len(set(heads)), len(heads), heads)


def test_the_proposal_is_that_of_the_old_page():
    facts = {"client": "9.8.7.6", "domain": "kisarbl.or.kr"}
    page = shown(why.render(whytoken.encode(why.KEY, **facts)))
    tap.contains(page, "v=spf1 … ip4:9.8.7.6 -all")
    page = shown(why.render(whytoken.encode(why.KEY, result="none", **facts)))
    tap.contains(page, "v=spf1 ip4:9.8.7.6 ~all")


def test_what_is_put_off_was_not_stopped_and_the_other_way_round():
    for name, deferred in (("fail", False), ("fail-deferred", True),
            ("temperror", True), ("temperror-final", False)):
        page = PAGES[name + "-en"]
        (tap.contains if deferred else tap.lacks)(page, "put off?</title>")
        page = shown(page)
        (tap.lacks if deferred else tap.contains)(page,
            "The message was stopped")
        (tap.contains if deferred else tap.lacks)(page,
            "put the message off")
    tap.lacks(shown(PAGES["temperror-final-en"]), "your server tries again")
    tap.lacks(shown(PAGES["temperror-ko"]), "차단되었습니다")


def test_a_report_has_no_person_to_advise():
    for result in ("none", "permerror"):
        page = shown(why.render(whytoken.encode(why.KEY, result=result,
            null_sender=True, domain="mail.example.net")))
        tap.lacks(page, "another address", result)


def test_an_idn_is_shown_with_its_a_label():
    tap.contains(shown(PAGES["idn-en"]), "실례.kr (xn--9n2bp8q.kr)")


def test_nothing_of_a_token_is_markup():
    for language in why.LANGUAGES:
        page = PAGES["hostile-" + language]
        for part in ("<script", "<img", "<b>", "onclick=\"", "</style><p"):
            tap.lacks(page, part)
        tap.contains(shown(page), "<script>\"'&.example")


def test_a_page_has_no_script_and_loads_nothing():
    for name, page in PAGES.items():
        tap.equal(re.findall(r"<(?:script|img|link|iframe|object)", page), [],
            name)
        tap.equal(re.findall(r"<[^>]*\s(?:src|style|on\w+)=", page), [],
            name)
        tap.equal(re.findall(r"url\(|@import", page), [], name)


def test_the_general_page_is_the_same_whatever_is_wrong():
    old = whytoken.encode(why.KEY, seconds=1700000000)
    ahead = whytoken.encode(why.KEY, seconds=4000000000)
    for token in ("", "-", "A" * 296, old, ahead, whytoken.encode(bytes(32)),
            whytoken.encode(why.KEY)[:-4], whytoken.encode(why.KEY,
            version=2)):
        tap.equal(why.render(token), PAGES["general-en"], token)


def test_a_link_may_be_given_whole():
    token = whytoken.encode(why.KEY, seconds=None)
    link = "https://mail.example.org/why?t=%s&l=ko" % token
    tap.equal(why.render(link), why.render(token))


def test_html_is_valid():
    files = [why.write(name + ".html", page) for name, page in PAGES.items()]
    bad = why.write("bad.html", PAGES["general-en"].replace("<h1>", "<h4>"))
    tap.equal(web.complaints(*files), "")
    tap.true(web.complaints(bad), "a mistake is found")


def browse(*args):
    if BROWSER is None:
        tap.skip("no chromium")
    return subprocess.run([BROWSER, "--headless", "--disable-gpu",
        "--no-sandbox", "--hide-scrollbars", "--user-data-dir=" + why.FOLDER
        + "/browser", *args], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, timeout=120).stdout.decode()


# Each page is in a frame, which can be smaller than a window of a browser, and
# tells what axe has found; all of it takes the place of the document.
FRAMES = """<!DOCTYPE html><html lang="en"><head><title>t</title><script>
const found = {};
function report(name, what) { found[name] = what;
if (Object.keys(found).length == %d)
document.body.textContent = "FOUND" + JSON.stringify(found) + "END"; }
</script></head><body>%s</body></html>"""
FRAME = '<iframe title="%s" width="%d" height="800" srcdoc="%s"></iframe>'
MEASURE = """<script>%s
axe.run({runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a",
"wcag21aa", "wcag22aa", "best-practice"]}}).then(r => parent.report("%s", {
width: document.documentElement.scrollWidth, passes: r.passes.length,
violations: r.violations.map(v => [v.id, v.nodes.map(n => n.html)])}));
</script></body>"""


def frame(axe, name, width):
    return FRAME % (name, width, html.escape(PAGES[name].replace("</body>",
        MEASURE % (axe, name))))


def examine(names, width, *args):
    with open(web.tool("axe-core/axe.min.js")) as f:
        axe = f.read()
    path = why.write("axe.html", FRAMES % (len(names), "".join(frame(axe, name,
        width) for name in names)))
    dom = browse("--virtual-time-budget=60000", "--dump-dom", *args,
        "file://" + path)
    found = re.search("<body>FOUND(.*)END</body>", dom, re.S)
    tap.true(found, "what the browser says: " + dom[-300:])
    for name, what in json.loads(html.unescape(found[1])).items():
        tap.equal(what["violations"], [], name)
        tap.true(what["passes"] > 15, "%s: %r" % (name, what))
        tap.true(what["width"] <= width, "%s: %d" % (name, what["width"]))


def test_axe_has_no_finding_and_a_small_screen_shows_all():
    examine(["fail-ko", "none-en", "permerror-ko", "temperror-en", "long-en",
        "idn-ko", "general-en", "general-ko"], 320)


def test_axe_has_no_finding_in_the_dark():
    examine(["fail-en", "softfail-ko"], 1000, "--force-dark-mode",
        "--blink-settings=preferredColorScheme=0")


def test_it_prints_on_one_sheet():
    for name in ("fail-ko", "fail-en"):
        path = why.write("print.html", PAGES[name])
        browse("--no-pdf-header-footer", "--print-to-pdf=" + why.FOLDER +
            "/print.pdf", "file://" + path)
        with open(why.FOLDER + "/print.pdf", "rb") as f:
            sheets = len(re.findall(rb"/Type\s*/Page\b", f.read()))
        tap.equal(sheets, 1, name)


tap.main(globals())
