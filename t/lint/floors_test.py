#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""floors.py finds each fault, in a small house that has it."""

import csource
import floors

PLAN = """
0 ground	stone brick	# in this order
1 upper		lamp_wire lamp
1 other		chair
"""

SOUND = {
    "ground/stone.h": "void\tstone_lay(void);\n",
    "ground/stone.c": '#include "config.h"\n#include "ground/stone.h"\n'
        "static int\nlamp_on(void)\n{\n}\n\n"
        "void\nstone_lay(void)\n{\n\tx->lamp_burns = lamp_on();\n}\n",
    "ground/brick.c": '#include "ground/stone.h"\n'
        "void\nbrick_lay(void)\n{\n\tstone_lay();\n}\n",
    "upper/lamp.h": "",
    "upper/lamp_priv.h": "",
    "upper/lamp_wire.c": '#include "upper/lamp_priv.h"\n'
        "void\nlamp_wire_pull(void)\n{\n}\n",
    "upper/lamp.c": '#include "upper/lamp_priv.h"\n#include <stdio.h>\n'
        "void\nlamp_on(void)\n{\n\tbrick_lay();\n\tlamp_wire_pull();\n}\n"
        "void\nlamp_burns(void)\n{\n}\n"
        "const int lamp_watts = 40;\n",
    "other/chair.c": "",
}

# What is wrong, in which file, and what floors.py says of it.
FAULTS = (
    ("a file that is not listed", "ground/mud.c", "",
     [("listed", "ground/mud.c")]),
    ("a file in a wing that is not listed", "cellar/stone.c", "",
     [("listed", "cellar/stone.c")]),
    ("an include of what is not listed", "other/chair.c",
     '#include "ground/mud.h"\n',
     [("listed", "other/chair.c:1: ground/mud.h")]),
    ("an include without its wing", "other/chair.c", '#include "stone.h"\n',
     [("listed", "other/chair.c:1: stone.h")]),
    ("an include of an upper floor", "ground/stone.c",
     '\n#include "upper/lamp.h"\n',
     [("down", "ground/stone.c:2: upper/lamp.h")]),
    ("an include of the same floor", "other/chair.c",
     '#include "upper/lamp.h"\n',
     [("down", "other/chair.c:1: upper/lamp.h")]),
    ("an include of a later file of the wing", "ground/stone.h",
     '# include "ground/brick.h"\n',
     [("down", "ground/stone.h:1: ground/brick.h")]),
    ("an include of another module's own", "upper/lamp_wire.c",
     '#include "ground/stone_priv.h"\n',
     [("private", "upper/lamp_wire.c:1: ground/stone_priv.h")]),
    ("an include in angle brackets", "upper/lamp.c",
     "#include <ground/stone.h>\n",
     [("quotes", "upper/lamp.c:1: ground/stone.h")]),
    ("a call up within a module", "upper/lamp_wire.c",
     "void\nlamp_wire_pull(void)\n{\n\tlamp_on();\n}\n",
     [("uses", "upper/lamp_wire.c: lamp_on of upper/lamp.c")]),
    ("the address of a function above", "upper/lamp_wire.c",
     "static void (*const f)(void) = lamp_on;\n",
     [("uses", "upper/lamp_wire.c: lamp_on of upper/lamp.c")]),
    ("an object above", "upper/lamp_wire.c",
     "int\nlamp_wire_pull(void)\n{\n\treturn lamp_watts;\n}\n",
     [("uses", "upper/lamp_wire.c: lamp_watts of upper/lamp.c")]),
    ("a call up through inline functions", "ground/stone.h",
     "static inline void\nstone_lay(void)\n{\n\tstone_roll();\n}\n"
     "static inline void\nstone_roll(void)\n{\n\tlamp_burns();\n}\n",
     [("uses", "ground/brick.c: lamp_burns of upper/lamp.c")]),
    ("a call up through a macro", "ground/stone.h",
     "#define stone_lay(x)\t\\\n\tlamp_burns(x)\n",
     [("uses", "ground/brick.c: lamp_burns of upper/lamp.c")]),
    ("a static function of that name elsewhere hides nothing",
     "upper/lamp_wire.c",
     "static void\nstone_lay(void)\n{\n\tlamp_burns();\n}\n",
     [("uses", "upper/lamp_wire.c: lamp_burns of upper/lamp.c")]),
    ("a second definition elsewhere hides nothing", "upper/lamp_wire.c",
     "void\nstone_lay(void)\n{\n}\n",
     [("uses", "ground/brick.c: stone_lay of upper/lamp_wire.c")]),
)


def check(tap, name, plan, sources, want):
    found = sorted(floors.faults(floors.House(plan), sources))
    tap.report(name, [] if found == sorted(want) else
               ["found: %s" % (found,)])


def main():
    tap = csource.Tap()
    check(tap, "a sound house", PLAN, SOUND, [])
    for name, path, text, want in FAULTS:
        check(tap, name, PLAN, {**SOUND, path: text}, want)
    missing = dict(SOUND)
    del missing["other/chair.c"]
    check(tap, "a listed file that is not there", PLAN, missing,
          [("there", "other/chair")])
    check(tap, "a file listed twice", PLAN + "1 other\tchair\n", SOUND,
          [("there", "other/chair is listed twice")])
    tap.finish()


if __name__ == "__main__":
    main()
