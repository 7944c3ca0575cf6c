"""Published image collections: found on disk in torchvision's layout, or downloaded into it.

The folder is $DEEPWEEKS_DATA; without it, data/ of the repository when the package runs from a checkout, else
./data. A download is compared with the published SHA-256, unpacked into a temporary folder and renamed into place: a
file is there whole or not at all. torchvision's own dataset classes parse the files.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import math
import os
import tarfile
import tempfile
import time
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import numpy as np

TIMEOUT = 5.0  # seconds to wait for a connection, and for the next bytes
BUDGET = 30.0  # seconds that a download may take where nobody insists on real data

_failed: set[str | None] = set()  # titles whose download failed in this process; None stands for the network as a whole


class Unavailable(RuntimeError):
    """Real data cannot be had; the message is one line.

    Attributes:
        reason: Why, in a few words.
    """

    def __init__(self, reason: str, remedy: str):
        super().__init__(f'{reason}; {remedy}, or use data="embedded"')
        self.reason = reason


@dataclass(frozen=True)
class Collection:
    """A published collection: where it lies on disk, where it can be had, and how its archives are recognised.

    Attributes:
        title: Its name; without the hyphen, the name of the class in torchvision.datasets that parses it.
        folder: Where its archives are unpacked, below the data folder.
        archives: File name -> SHA-256.
        mirrors: Addresses of folders that hold every archive, tried in this order.
    """

    title: str
    folder: str
    archives: dict[str, str]
    mirrors: tuple[str, ...]

    def parser(self) -> type:
        """The class of torchvision that reads the files."""
        from torchvision import datasets

        known = getattr(datasets, self.title.replace("-", ""))
        # It would prefer the pickles of its early versions, which carry no checksum.
        return type(known.__name__, (known,), {"_check_legacy_exist": lambda self: False})

    def files(self) -> dict[str, tuple[str, str | None]]:
        """The files that torchvision reads: name below ``folder`` -> (its archive, its MD5 or None for an idx file)."""
        known = self.parser()
        if not hasattr(known, "train_list"):
            return {name.removesuffix(".gz"): (name, None) for name in self.archives}
        listed = [*known.train_list, *known.test_list, (known.meta["filename"], known.meta["md5"])]
        return {f"{known.base_folder}/{name}": (*self.archives, md5) for name, md5 in listed}


MNIST, FASHION, CIFAR10 = (
    Collection(title, **rest)
    for title, rest in tomllib.loads(Path(__file__).with_name("published.toml").read_text("utf-8")).items()
)


def root() -> Path:
    """The folder of real data; it need not exist."""
    if named := os.environ.get("DEEPWEEKS_DATA"):
        return Path(named).expanduser()
    checkout = Path(__file__).resolve().parents[3]
    return (checkout if (checkout / "lib" / "deepweeks").is_dir() else Path()) / "data"


def shown(path: Path | str) -> str:
    """A path as text for a message, short where it lies below the working directory."""
    full = Path(os.path.abspath(path))
    return f"./{full.relative_to(Path.cwd())}" if full.is_relative_to(Path.cwd()) else str(full)


def read(collection: Collection, *, insist: bool = False) -> list:
    """The training set and the test set of a collection, downloaded first where they are missing.

    A damaged file is removed and named in one printed line.

    Args:
        collection: MNIST, FASHION or CIFAR10.
        insist: Wait for a slow download, and try again after a failure. Otherwise the download ends after BUDGET
            seconds, and a process that has failed once does not wait for the network again.

    Returns:
        Two torchvision datasets, with attributes ``data``, ``targets`` and ``classes``.

    Raises:
        Unavailable: The data are not there and cannot be brought, or cannot be read.
    """
    home = root() / collection.folder
    try:
        files = collection.files().items()
        missing = {name: archive for name, (archive, md5) in files if not _whole(collection, home / name, md5)}
        if missing:
            _complete(collection, home, missing, insist)
        sets = [collection.parser()(str(root()), train=train, download=False) for train in (True, False)]
        if any(len(s.data) != len(s.targets) or np.asarray(s.targets).max() > 9 for s in sets):
            raise ValueError("the labels do not fit the images")
    except (OSError, ValueError) as error:
        reason = f"{collection.title} cannot be used in {shown(root())} ({getattr(error, 'strerror', None) or error})"
        remedy = "make room or remove its files there, let DEEPWEEKS_DATA name another folder"
        raise Unavailable(reason, remedy) from None
    return sets


def _whole(collection, path, digest):
    """Whether a file is there and right; a damaged one is named and removed."""
    if fault := path.is_file() and _fault(path, digest):
        try:
            path.unlink()
            outcome = "removed"
        except OSError as error:
            outcome = f"cannot be removed ({error.strerror})"
        print(f"{collection.title}: {shown(path)} is damaged: {fault}; {outcome}")
    return fault is None


def _fault(path, digest):
    """What is wrong with a file, in a few words, or None. `digest`: SHA-256, MD5, or None for an idx file."""
    if digest:
        kind = "sha256" if len(digest) == 64 else "md5"
        found = hashlib.new(kind, path.read_bytes(), usedforsecurity=False).hexdigest()
        return None if found == digest else f"wrong {kind}"
    # An idx file: a magic number and the sizes, four bytes each, high byte first; then one byte per value.
    shape = [28, 28] if "images" in path.name else []
    head = (np.fromfile(path, ">u4", 2 + len(shape)).tolist() + 4 * [0])[: 2 + len(shape)]
    right = head[1] and head == [0x801 + len(shape), head[1], *shape]
    right = right and path.stat().st_size == 4 * len(head) + math.prod(head[1:])
    return None if right else f"truncated, or not an idx file of {'28x28 images' if shape else 'labels'}"


def _complete(collection, home, missing, insist):
    """Bring the files `missing` (name -> archive) into place, from archives that lie there or from a mirror."""
    archives = dict.fromkeys(missing.values())
    there = [home / name for name in archives if _whole(collection, home / name, collection.archives[name])]
    contents = {path.name: path.read_bytes() for path in there}
    # Made before the download, so that a folder that cannot be written to is noticed before the wait.
    root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=root()) as scratch:
        _download(collection, archives, contents, insist)
        for name, content in contents.items():
            if name.endswith(".tar.gz"):
                with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                    # Its hash is known, so it is safe; the filter exists from Python 3.11.4 on.
                    tar.extractall(scratch, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
            else:
                Path(scratch, name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
        for name in missing:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(scratch, name), home / name)


def _download(collection, names, contents, insist):
    """Add to `contents` the archives it lacks, each with its published SHA-256, from the mirrors that serve them."""
    patience = math.inf if insist else 0 if _failed & {collection.title, None} else BUDGET
    deadline, problem = time.monotonic() + patience, None
    for mirror in collection.mirrors:
        try:
            for name in names:
                contents[name] = contents.get(name) or _fetch(collection, mirror, name, deadline)
            return
        except (OSError, http.client.HTTPException) as error:
            problem = problem or error
    # Where a host could not even be reached, the next collection need not wait for its own.
    _failed.add(None if type(problem) is URLError else collection.title)
    reason = f"{collection.title} is not in {shown(root())} and not downloadable "
    remedy = f"put {', '.join(collection.archives)} into {shown(root() / collection.folder)}"
    raise Unavailable(reason + (f"({problem})" if insist else f"within {BUDGET:g} s"), remedy)


def _fetch(collection, mirror, name, deadline):
    """One archive as bytes. Raises OSError or HTTPException where it does not come whole before the deadline."""
    if time.monotonic() >= deadline:
        raise TimeoutError("out of time")
    request, content = urllib.request.Request(mirror + name, headers={"User-Agent": "deepweeks"}), bytearray()
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        print(f"{collection.title}: downloading {name} from {request.host}")
        while time.monotonic() < deadline and (block := answer.read1(1 << 16)):
            content += block
    if hashlib.sha256(content).hexdigest() != collection.archives[name]:
        raise OSError(f"{mirror}{name} is not the published file")
    return content
