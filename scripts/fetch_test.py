#!/usr/bin/env python3
"""What scripts/fetch.py promises, tried on a made-up package and registry-less: the download is in the cache already."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

FETCH = Path(__file__).resolve().parent / "fetch.py"


def tar_of(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.home = Path(self.temporary.name)
        (self.home / "cache").mkdir()

    def lock(self, files, unpack, sha256=None):
        """Pin an archive of `files` that lies in the cache under its digest."""
        archive = tar_of(files)
        digest = hashlib.sha256(archive).hexdigest()
        package = {"name": "headrace-made-up-package", "version": "1.0", "from": "nowhere", "platform": "any",
                   "file": "made-up-1.0.tar.gz", "sha256": sha256 or digest, "into": "made_up", "unpack": unpack}
        (self.home / "lock.json").write_text(json.dumps({"format": 1, "packages": [package]}))
        (self.home / "cache" / f"{package['sha256']}-{package['file']}").write_bytes(archive)

    def fetch(self):
        return subprocess.run([sys.executable, FETCH, "--lock", self.home / "lock.json", "--into", self.home / "into",
                               "--cache", self.home / "cache"], capture_output=True, text=True, check=False)

    def test_unpacks_what_the_lock_names_and_nothing_else(self):
        self.lock({"p/a.h": "A", "p/b.cc": "B", "p/sub/c.cc": "C", "p/lib/d.so": "D"},
                  {"p/*.cc": "", "p/lib/": "lib/"})
        self.assertEqual(self.fetch().returncode, 0)
        found = sorted(str(p.relative_to(self.home / "into")) for p in (self.home / "into").rglob("*") if p.is_file())
        self.assertEqual(found, ["made_up/.fetched", "made_up/b.cc", "made_up/lib/d.so"])

    def test_a_second_time_does_nothing(self):
        self.lock({"p/a": "A"}, {"p/a": "a"})
        self.assertIn("from the cache", self.fetch().stdout)
        self.assertEqual(self.fetch().stdout, "")

    def test_a_changed_lock_unpacks_again(self):
        self.lock({"p/a": "A"}, {"p/a": "a"})
        self.fetch()
        self.lock({"p/a": "other"}, {"p/a": "a"})
        self.fetch()
        self.assertEqual((self.home / "into" / "made_up" / "a").read_text(), "other")

    def test_a_file_with_another_digest_is_never_unpacked(self):
        self.lock({"p/a": "A"}, {"p/a": "a"}, sha256="0" * 64)
        done = self.fetch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("the cached file is damaged", done.stdout)
        self.assertFalse((self.home / "into" / "made_up").exists())

    def test_an_archive_without_the_named_file_is_refused(self):
        self.lock({"p/a": "A"}, {"p/gone": "gone"})
        done = self.fetch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("holds nothing at p/gone", done.stderr)

    def test_an_archive_that_climbs_out_is_refused(self):
        self.lock({"p/../../../evil": "A"}, {"p/": ""})
        done = self.fetch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("names a file outside its folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
