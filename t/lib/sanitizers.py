# SPDX-License-Identifier: BSD-2-Clause
"""What sanitizers report in the log of a daemon.

ThreadSanitizer sees what libmilter and libunbound do among themselves, too.
Its own list of suppressions would be too coarse: an entry for libmilter hides
every report with a frame of it anywhere in a stack, hence all races in our
callbacks.  So the reports are read here, and one is left out only if each of
its accesses is made by such a library itself.  Seen and left out:

* libmilter, at its stop: the thread that waits for signals locks and unlocks
  the mutex of the listening socket while smfi_main destroys it, so do workers
  with that of the pool; that thread is never joined.
"""

import re

LIBRARIES = ("libmilter.so", "libunbound.so")
ANY = re.compile(r"(?:Address|Leak|UndefinedBehavior)Sanitizer|runtime error:"
    r"|ThreadSanitizer: ?[A-Z]|FATAL: ThreadSanitizer")
BEGIN = "WARNING: ThreadSanitizer: "
RULE = "=================="
# "    #1 mi_closener <null> (libmilter.so.1.0.1+0x7eca) (BuildId: ...)"
FRAME = re.compile(r"\s+#\d+ .* \(([^ ()]+)\+0x[0-9a-f]+\)")
SOURCE = re.compile(r"/[^ ]+\.[ch]:\d+")


def accesses(report):
    """The stacks of a report that say who did something.

    Those of mutexes and threads tell where these were made; they count where
    nothing else is there, as for a thread that was not joined.
    """
    stacks, others = [], []
    for part in re.split(r"\n\s*\n", report):
        lines = part.splitlines()
        frames = [l for l in lines if FRAME.match(l)]
        head = next((l.strip() for l in lines if not FRAME.match(l)
            and not l.startswith((BEGIN, "spf-milter: "))), "")
        if frames and re.match("(Mutex|Thread|Location|As if)", head):
            others.append(frames)
        elif frames:
            stacks.append(frames)
    return stacks or others


def is_of_library(frames):
    """The innermost frame that is not of the sanitizer's own runtime."""
    for frame in frames:
        module = FRAME.match(frame).group(1).rsplit("/", 1)[-1]
        if module.startswith(LIBRARIES):
            return True
        if SOURCE.search(frame):
            return False
    return False


def thread_reports(log):
    """Texts of ThreadSanitizer's reports."""
    for block in ("\n" + log).split("\n" + RULE)[1:]:
        at = block.find(BEGIN)
        if at >= 0:
            yield block[at:]


def problems(log):
    """Reports that are not a library's own affair."""
    found = [r for r in thread_reports(log)
        if not accesses(r) or not all(map(is_of_library, accesses(r)))]
    found += [line for line in log.splitlines() if ANY.search(line)]
    return found


def environment(env):
    """ThreadSanitizer shall report, and leave the exit status alone."""
    options = env.get("TSAN_OPTIONS", "")
    return {**env, "TSAN_OPTIONS": options + ":exitcode=0"}
