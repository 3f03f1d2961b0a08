# SPDX-License-Identifier: BSD-2-Clause
"""The RFC 7208 suite through the milter socket, DNS over the wire."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import wire

wire.run("rfc7208-tests.yml")
