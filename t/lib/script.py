# SPDX-License-Identifier: BSD-2-Clause
"""The Python programs of contrib, run within a test."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os

import daemon


def load(name):
    """As a module; __file__ is the program."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
        os.path.join(daemon.SRCDIR, "contrib", name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def run(module, *args):
    """(status, stdout, stderr)"""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = module.main(list(args))
    return status, out.getvalue(), err.getvalue()
