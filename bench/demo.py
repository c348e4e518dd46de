"""How long does the main job take, stage by stage? Runs examples/agency in a copy of its folder.

usage: demo.py        (`make bench-demo`)

Warm: the program is built and the purchase log lies there; the demo's own output is made anew.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from figures import HEADRACE, ROOT, figure, finish


def main():
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "agency")
        shutil.copytree(os.path.join(ROOT, "..", "examples", "agency"), copy, ignore=shutil.ignore_patterns("out", ".headrace"))
        done = subprocess.run([sys.executable, os.path.join(copy, "demo.py"), HEADRACE], stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    if done.returncode != 0:
        sys.exit(done.returncode)
    for stage, seconds in re.findall(r"^== (\d+\. .*)\n(?:.*\n)*?   ([\d.]+) s$", done.stdout, re.MULTILINE):
        figure("demo", stage, "s", float(seconds), None, None, None)
    kept, promises, seconds = re.search(r"^(\d+) of (\d+) promises kept in ([\d.]+) s$", done.stdout, re.MULTILINE).groups()
    figure("demo", f"whole, {kept} of {promises} promises kept", "s", float(seconds), None, None, None, "at most 30 s on two cores",
           float(seconds) <= 30)
    finish()


main()
