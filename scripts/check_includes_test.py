#!/usr/bin/env python3
"""The arrows between folders are held to the order of CMakeLists.txt: tried on made-up houses."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import check_includes


def check(files):
    """Run the check on a house of rooms base, table, cli; returns (exit status, what was said)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "CMakeLists.txt").write_text("headrace_room(base)\nheadrace_room(table nanoarrow)\nheadrace_room(cli)\n")
        for name, text in files.items():
            path = root / "src" / "headrace" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return check_includes.main(root), said.getvalue()


class CheckIncludesTest(unittest.TestCase):
    def test_an_arrow_down_the_list_is_printed(self):
        status, said = check({"table/a.h": '#include "headrace/base/status.h"\n#include "headrace/table/b.h"\n'})
        self.assertEqual((status, said), (0, "table     -> base (1)\n"))

    def test_an_arrow_up_is_refused_with_its_place(self):
        status, said = check({"base/a.cc": '\n#include "headrace/cli/main.h"\n'})
        self.assertEqual(status, 1)
        self.assertIn("src/headrace/base/a.cc:2: base includes cli, which stands below it", said)

    def test_tests_are_held_to_the_rule_too(self):
        self.assertEqual(check({"base/a_test.cc": '#include "headrace/table/a.h"\n'})[0], 1)

    def test_a_room_that_cmake_does_not_know_is_refused(self):
        status, said = check({"attic/a.cc": '#include "headrace/base/a.h"\n'})
        self.assertEqual(status, 1)
        self.assertIn("attic is no room of CMakeLists.txt", said)


if __name__ == "__main__":
    unittest.main()
