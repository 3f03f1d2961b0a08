# SPDX-License-Identifier: BSD-2-Clause
"""Threads that send mail until they are told to stop."""

import random
import threading
import time
import traceback


class Load:
    """job(random) is called again and again by each of count threads.

        with Load(4, job) as load:
            ...
        load.check()

    An exception in job is an error; quiet(error) may say that it is not.
    """

    def __init__(self, count, job, seed=7208, quiet=lambda error: False):
        self.job = job
        self.quiet = quiet
        self.done = 0
        self.errors = []
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True,
            args=(random.Random(seed + n),)) for n in range(count)]

    def run(self, random_):
        while not self.stopping:
            try:
                self.job(random_)
            except Exception as error:
                with self.lock:
                    if not self.quiet(error):
                        self.errors.append(traceback.format_exc())
                time.sleep(0.01)
            else:
                with self.lock:
                    self.done += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)

    def check(self, least=1):
        if self.errors:
            raise AssertionError("%d errors in %d messages, the first:\n%s"
                % (len(self.errors), self.done, self.errors[0]))
        if self.done < least:
            raise AssertionError("%d messages only" % self.done)
