# SPDX-License-Identifier: BSD-2-Clause
"""The older RFC 4408 suite through the milter socket, DNS over the wire.

No case is left out: where the RFCs differ, this edition of the suite allows
both results.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import wire

wire.run("rfc4408-tests.yml")
