#!/usr/bin/env python3
"""Bring the packages of third_party/lock.json to third_party/unpacked.

Each package is pinned by name, version, platform and the SHA-256 of its download. A download is made by the
registry's own client (pip, npm), so mirrors and certificates set up for those are respected; it is verified and kept
by digest in the user's cache folder, so that a second clone fetches nothing. Unpacking writes a folder aside, then
renames it; a stamp in each folder holds the digest of its lock entries, so with nothing to do this ends at once.

A source package is fetched with pip, which wants its metadata and would set up the package's build tools for that
(minutes) and run its code. `--no-build-isolation` with a stand-in for the build tool, which only repeats the name and
version of the lock, makes it a plain download.
"""

import argparse
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".fetched"

STAND_IN_BACKEND = '''
import os
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = {name!r} + "-" + {version!r} + ".dist-info"
    os.makedirs(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as out:
        out.write("Metadata-Version: 2.1\\nName: " + {name!r} + "\\nVersion: " + {version!r} + "\\n")
    return folder
'''


class FetchError(Exception):
    """Something the user can act on; printed without a traceback."""


def this_platform():
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{platform.system().lower()}-{machine}"


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def label(package):
    return f"{package['name']} {package['version']}"


def refuse(package, got, where):
    raise FetchError(f"{label(package)}: wrong SHA-256 of {where}\n"
                     f"  expected {package['sha256']} (third_party/lock.json)\n"
                     f"  got      {got}\n"
                     f"  the download is not what was pinned, and was thrown away")


def run_client(package, command, env=None):
    """Run pip or npm in silence; on failure raise with the end of what it said."""
    try:
        done = subprocess.run(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        raise FetchError(f"{label(package)}: cannot run {command[0]}; install it (scripts/setup.sh does)") from None
    if done.returncode != 0:
        got = re.search(r"Got\s+([0-9a-f]{64})", done.stdout)
        if got:
            refuse(package, got.group(1), package["file"])
        tail = "\n  ".join(done.stdout.strip().splitlines()[-12:])
        raise FetchError(f"{label(package)}: {' '.join(command[:4])} ... ended with {done.returncode}:\n  {tail}")


def write_stand_in(package, folder):
    """The build tool that pip will ask for the name and version of a source package."""
    folder.mkdir()
    parts = package["build_backend"].split(".")
    for depth in range(1, len(parts)):
        (folder / Path(*parts[:depth])).mkdir(parents=True, exist_ok=True)
        (folder / Path(*parts[:depth]) / "__init__.py").touch()
    module = folder / Path(*parts[:-1]) / f"{parts[-1]}.py"
    module.write_text(STAND_IN_BACKEND.format(name=package["name"], version=package["version"]))


def download(package, folder):
    """Fetch one package into the empty `folder`; returns the file."""
    wanted = f"{package['name']}{'@' if package['from'] == 'npm' else '=='}{package['version']}"
    if package["from"] == "npm":
        run_client(package, ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted])
    else:
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{wanted} --hash=sha256:{package['sha256']}\n")
        files = folder / "files"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
                   "--dest", str(files), "--requirement", str(requirements)]
        if package["from"] == "pypi-wheel":
            run_client(package, command + ["--only-binary=:all:", "--implementation", "cp",
                                           "--python-version", package["wheel_python"],
                                           "--platform", package["wheel_platform"]])
        elif package["from"] == "pypi-sdist":
            write_stand_in(package, folder / "stand_in")
            run_client(package, command + ["--no-binary=:all:", "--no-build-isolation"],
                       {"PYTHONPATH": str(folder / "stand_in")})
        else:
            raise FetchError(f"{label(package)}: unknown \"from\": {package['from']!r}")
        folder = files
    found = folder / package["file"]
    if not found.is_file():
        raise FetchError(f"{label(package)}: expected the file {package['file']}, "
                         f"got {sorted(p.name for p in folder.iterdir())}")
    return found


def cached_file(package, cache):
    """The verified download, from the cache or from the registry."""
    kept = cache / f"{package['sha256']}-{package['file']}"
    if kept.is_file():
        got = sha256_of(kept)
        if got == package["sha256"]:
            return kept, "from the cache"
        print(f"  {label(package)}: the cached file is damaged (its SHA-256 is {got}); fetching it again", flush=True)
        kept.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as folder:
        file = download(package, Path(folder))
        got = sha256_of(file)
        if got != package["sha256"]:
            refuse(package, got, package["file"])
        os.replace(file, kept)
    return kept, f"fetched in {time.monotonic() - started:.1f} s"


def members_of(archive):
    """Name and a function that reads it, for each plain file of a wheel or a tar.gz."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: zipped.open(info)
    else:
        with tarfile.open(archive) as tar:
            for info in tar:
                if info.isfile():
                    yield info.name, lambda info=info: tar.extractfile(info)


def place_of(name, unpack):
    """Where a member goes, by the lock's `unpack`: a file, a whole folder ("a/"), or "a/*.cc" within one folder."""
    for source, target in unpack.items():
        if source.endswith("/"):
            if name.startswith(source):
                return source, target + name[len(source):]
        elif "*" in source:
            if fnmatch.fnmatchcase(name, source) and name.count("/") == source.count("/"):
                return source, target + name.rsplit("/", 1)[-1]
        elif name == source:
            return source, target
    return None, None


def unpack_one(package, archive, folder):
    used = set()
    for name, open_member in members_of(archive):
        source, place = place_of(name, package["unpack"])
        if source is None:
            continue
        used.add(source)
        target = folder / place
        if ".." in Path(place).parts or Path(place).is_absolute():
            raise FetchError(f"{label(package)}: the archive names a file outside its folder: {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_member() as data, open(target, "wb") as out:
            shutil.copyfileobj(data, out, 1 << 20)
    missing = [source for source in package["unpack"] if source not in used]
    if missing:
        raise FetchError(f"{label(package)}: {archive.name} holds nothing at {', '.join(missing)}")


def stamp_of(packages):
    return hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest() + "\n"


def is_fresh(folder, packages):
    try:
        return (folder / STAMP).read_text() == stamp_of(packages)
    except OSError:
        return False


def bring(folder, packages, cache):
    """Make `folder` hold the unpacked `packages`; returns one line to print for each."""
    lines = []
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        aside.chmod(0o755)
        for package in packages:
            archive, how = cached_file(package, cache)
            unpack_one(package, archive, aside)
            lines.append(f"  {label(package)} ({archive.stat().st_size / 1e6:.1f} MB): {how}")
        (aside / STAMP).write_text(stamp_of(packages))
        if folder.exists():
            old = aside.with_name(aside.name + "-old")
            folder.rename(old)
            aside.rename(folder)
            shutil.rmtree(old)
        else:
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return lines


def by_folder(lock, wanted_platform):
    """The packages for this platform by the folder they go to; what some platform needs, this one needs too."""
    groups = {}
    for package in lock["packages"]:
        if package["platform"] in ("any", wanted_platform):
            groups.setdefault(package["into"], []).append(package)
    for package in lock["packages"]:
        if package["platform"] != "any" and \
                all(other["platform"] != wanted_platform for other in groups.get(package["into"], [])):
            raise FetchError(f"{package['into']}: third_party/lock.json pins {label(package)} for "
                             f"{package['platform']} and nothing for {wanted_platform}; add an entry for it")
    return groups


def main():
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lock", type=Path, default=ROOT / "third_party" / "lock.json")
    parser.add_argument("--into", type=Path, default=ROOT / "third_party" / "unpacked")
    parser.add_argument("--cache", type=Path, default=cache_home / "headrace" / "downloads")
    options = parser.parse_args()

    lock = json.loads(options.lock.read_text())
    if lock.get("format") != 1:
        raise FetchError(f"{options.lock}: expected format 1, got {lock.get('format')!r}")
    options.into.mkdir(parents=True, exist_ok=True)
    stale = {name: packages for name, packages in by_folder(lock, this_platform()).items()
             if not is_fresh(options.into / name, packages)}
    if not stale:
        return
    failures = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(stale)) as pool:
        jobs = [pool.submit(bring, options.into / name, packages, options.cache) for name, packages in stale.items()]
        for job in concurrent.futures.as_completed(jobs):
            try:
                print("\n".join(job.result()), flush=True)
            except FetchError as error:
                failures.append(str(error))
    if failures:
        raise FetchError("\n".join(failures))


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"fetch: {error}")
