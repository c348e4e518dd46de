#!/usr/bin/env python3
"""Print the arrows between the folders of src/headrace, and fail on one that points up.

The order of the house is the order of the headrace_room() lines in CMakeLists.txt: a room may include only rooms that
stand before it. Each file's includes of "headrace/ROOM/..." are the arrows; tests are held to the same rule.
"""

import re
import sys
from collections import Counter
from pathlib import Path

def rooms_in_order(cmake_text):
    return re.findall(r"^headrace_room\((\w+)", cmake_text, re.MULTILINE)


def arrows(source_folder):
    """(from room, to room, "file:line") for each include."""
    for path in sorted(source_folder.glob("*/**/*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.relative_to(source_folder).parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+["<]headrace/(\w+)/', line)
            if include and include.group(1) != room:
                yield room, include.group(1), f"{path.relative_to(source_folder.parent.parent)}:{number}"


def main(root):
    order = rooms_in_order((root / "CMakeLists.txt").read_text())
    place = {room: number for number, room in enumerate(order)}
    counts, wrong = Counter(), []
    for source, target, where in arrows(root / "src" / "headrace"):
        counts[source, target] += 1
        for room in (source, target):
            if room not in place:
                wrong.append(f"{where}: {room} is no room of CMakeLists.txt")
        if place.get(target, -1) > place.get(source, len(order)):
            wrong.append(f"{where}: {source} includes {target}, which stands below it")
    for room in order:
        targets = [f"{target} ({counts[room, target]})" for target in order if counts[room, target]]
        if targets:
            print(f"{room:<9} -> {', '.join(targets)}")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
