"""Real data: found, fetched, refused. A server on this machine stands in for the mirrors."""

import dataclasses
import errno
import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import tarfile
import threading
import time

import numpy as np
import pytest
import torch
from torchvision import datasets

import deepweeks.data
from deepweeks.data import images, source

TRAIN, TEST = 30, 10


def idx(values):
    return struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def mnist_files():
    random, files = np.random.default_rng(0), {}
    for split, count in (("train", TRAIN), ("t10k", TEST)):
        pictures = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        files[f"{split}-images-idx3-ubyte"] = idx(pictures)
        files[f"{split}-labels-idx1-ubyte"] = idx((np.arange(count) % 10).astype(np.uint8))
    return files


FILES = mnist_files()
ARCHIVES = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, kind, name = self.path.split("/")
        self.server.asked.append(self.path)
        content = self.server.content.get(name)
        if kind == "gone" or content is None:
            return self.send_error(404)
        if kind == "hang":
            self.server.release.wait(10)
            return None
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "short":
            self.wfile.write(content[: len(content) // 2])
        elif kind == "slow":
            for k in range(8):
                time.sleep(0.05)
                self.wfile.write(content[k * len(content) // 8 : (k + 1) * len(content) // 8])
        elif kind == "wrong":
            self.wfile.write(bytes(len(content)))
        else:
            self.wfile.write(content)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.content, server.release = [], dict(ARCHIVES), threading.Event()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.release.set()
        server.shutdown()


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An empty data folder, a process that has not failed yet, short time-outs, few embedded images, no proxy."""
    monkeypatch.setenv("DEEPWEEKS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(source, "_failed", set())
    monkeypatch.setattr(source, "TIMEOUT", 0.2)
    monkeypatch.setattr(deepweeks.data, "CHUNK", 10)
    return tmp_path / "data"


@pytest.fixture
def mirrors(monkeypatch, server, place):
    """Call it with kinds of mirror ("good", "gone", "short", "slow", "wrong", "hang", "closed")."""
    server.asked.clear()

    def use(*kinds):
        # Nobody listens on port 9 of this machine.
        addresses = tuple("http://127.0.0.1:9/" if kind == "closed" else f"{server.url}/{kind}/" for kind in kinds)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in ARCHIVES.items()}
        collection = dataclasses.replace(source.MNIST, mirrors=addresses, archives=hashes)
        monkeypatch.setitem(images._KINDS, "digits", (*images._KINDS["digits"][:2], collection))

    return use


def put(place, **changes):
    """Put the small files into the folder; a keyword replaces the content of one (t10k_images=...)."""
    folder = place / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        content = changes.get("_".join(name.split("-")[:2]), content)
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def left(place):
    """Every file below the folder but the four that belong there whole."""
    found = {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()} if place.exists() else {}
    return {name for name, content in found.items() if FILES.get(name) != content}


def refused(**arguments):
    with pytest.raises(RuntimeError) as error:
        images.load("digits", source="real", **arguments)
    message = str(error.value)
    assert "\n" not in message and 'data="embedded"' in message
    return message


# What is there


def test_files_on_disk_are_read_and_capped_and_nothing_is_written(place, mirrors, capsys):
    mirrors("closed")
    put(place)
    before = sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*"))
    data = images.load("digits", train=20)
    assert data.source == "real" and len(data.x) == 20 and len(data.x_test) == TEST
    assert data.x.shape[1:] == (1, 28, 28) and data.x.dtype == torch.float32 and data.y.dtype == torch.int64
    want = np.frombuffer(FILES["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 28, 28)[:20] / 255
    np.testing.assert_allclose(data.x[:, 0].numpy(), want, rtol=1e-6)
    assert data.y.tolist() == [k % 10 for k in range(20)] and data.classes == tuple("0123456789")
    out = capsys.readouterr().out
    assert out == f"{data.note}\n" and f"real (MNIST in {place})" in out and "20 training and 10 test images" in out
    assert sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*")) == before


# What is not there


def test_download_brings_whole_files(place, mirrors, capsys):
    mirrors("good")
    data = images.load("digits")
    assert data.source == "real" and len(data.x) == TRAIN
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == sorted(FILES) and not left(place)
    *said, last = capsys.readouterr().out.splitlines()
    assert [line.split(" from 127.0.0.1:")[0] for line in said] == [f"MNIST: downloading {name}" for name in ARCHIVES]
    assert last == data.note
    assert torch.equal(images.load("digits", source="real").x, data.x)


def test_only_what_is_missing_is_fetched(place, mirrors, server):
    mirrors("good")
    put(place, t10k_labels=None)
    assert images.load("digits", source="real").source == "real"
    assert server.asked == ["/good/t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("kind", ["gone", "short", "wrong", "hang", "closed"])
def test_the_next_mirror_is_tried(place, mirrors, kind):
    mirrors(kind, "good")
    assert images.load("digits").source == "real" and not left(place)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("gone", "HTTP Error 404"),
        ("short", "train-images-idx3-ubyte.gz is not the published file"),
        ("wrong", "train-images-idx3-ubyte.gz is not the published file"),
        ("hang", "timed out"),
        ("closed", "refused"),
    ],
)
def test_no_mirror_serves_it(place, mirrors, server, capsys, kind, words):
    mirrors(kind)
    message = refused()
    assert message.startswith(f"MNIST is not in {place} and not downloadable (") and words in message
    assert "put train-images-idx3-ubyte.gz, " in message and f"into {place}/MNIST/raw" in message
    capsys.readouterr()
    asked = len(server.asked)
    data = images.load("digits", train=10, test=10)
    assert f"drawn from fonts; MNIST is not in {place} and not downloadable within 30 s)" in data.note
    assert data.source == "embedded" and capsys.readouterr().out == f"{data.note}\n"
    # The process remembers: nobody is asked a second time.
    assert len(server.asked) == asked and not left(place)
    # Where not even a host was reached, another collection does not wait for the network either.
    source._failed.discard("MNIST")
    mirrors("good")
    assert images.load("digits", train=10, test=10).source == ("embedded" if kind == "closed" else "real")


def test_insisting_asks_again(place, mirrors):
    mirrors("closed")
    refused()
    mirrors("good")
    assert images.load("digits", train=10, test=10).source == "embedded"
    assert images.load("digits", source="real").source == "real"


def test_a_slow_download_ends_unless_one_insists(place, mirrors, monkeypatch):
    monkeypatch.setattr(source, "BUDGET", 0.2)
    monkeypatch.setattr(source, "TIMEOUT", 5)
    mirrors("slow")
    put(place, t10k_labels=None)
    data = images.load("digits", train=10, test=10)
    assert data.source == "embedded" and "not downloadable within 0.2 s" in data.note and not left(place)
    assert images.load("digits", source="real").source == "real"


# What is damaged

IMAGES, LABELS = "truncated, or not an idx file of 28x28 images", "truncated, or not an idx file of labels"
DAMAGE = {
    "truncated": ("train_images", lambda content: content[:-5], IMAGES),
    "longer": ("t10k_labels", lambda content: content + b"x", LABELS),
    "wrong magic": ("train_labels", lambda content: b"\0\0\x09\1" + content[4:], LABELS),
    "other size": ("t10k_images", lambda content: content[:8] + struct.pack(">2I", 14, 56) + content[16:], IMAGES),
    "a page of HTML": ("train_images", lambda content: b"<html>" * 900, IMAGES),
    "stub": ("train_images", lambda content: content[:9], IMAGES),
    "empty": ("t10k_labels", lambda content: b"", LABELS),
    "no images": ("t10k_labels", lambda content: content[:4] + bytes(4), LABELS),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_removed_and_fetched_again(place, mirrors, capsys, damage):
    key, spoil, words = DAMAGE[damage]
    name = next(name for name in FILES if "_".join(name.split("-")[:2]) == key)
    mirrors("closed")
    put(place, **{key: spoil(FILES[name])})
    data = images.load("digits", train=10, test=10)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"MNIST: {place}/MNIST/raw/{name} is damaged: {words}; removed", data.note]
    assert data.source == "embedded" and f"MNIST is not in {place}" in data.note
    assert not (place / "MNIST" / "raw" / name).exists() and not left(place)
    mirrors("good")
    assert images.load("digits", source="real").source == "real" and not left(place)


def test_a_damaged_archive_is_removed_and_a_whole_one_used(place, mirrors, capsys, server):
    mirrors("good")
    folder = put(place, train_images=None, train_labels=None)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bnot gzip")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(ARCHIVES["train-labels-idx1-ubyte.gz"])
    assert images.load("digits").source == "real"
    assert "train-images-idx3-ubyte.gz is damaged: wrong sha256; removed" in capsys.readouterr().out
    assert server.asked == ["/good/train-images-idx3-ubyte.gz"]
    assert left(place) == {"train-labels-idx1-ubyte.gz"}


def test_a_damaged_file_that_cannot_be_removed(place, mirrors, monkeypatch, capsys):
    mirrors("closed")
    put(place, train_images=b"short")

    def unlink(self, missing_ok=False):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(source.Path, "unlink", unlink)
    data = images.load("digits", train=10, test=10)
    line = capsys.readouterr().out.splitlines()[0]
    assert "28x28 images; cannot be removed (Read-only file system)" in line and data.source == "embedded"


@pytest.mark.parametrize(
    ("key", "labels"), [("train_labels", np.zeros(TRAIN - 1, np.uint8)), ("t10k_labels", np.full(TEST, 10, np.uint8))]
)
def test_labels_that_do_not_fit(place, mirrors, key, labels):
    mirrors("closed")
    put(place, **{key: idx(labels)})
    assert f"MNIST cannot be used in {place} (the labels do not fit the images); make room or remove" in refused()
    assert images.load("digits", train=10, test=10).source == "embedded"


# What cannot be written


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_that_cannot_be_made(monkeypatch, mirrors, tmp_path, server):
    mirrors("good")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPWEEKS_DATA", str(tmp_path / "file" / "data"))
    message = refused()
    assert "data (Not a directory); make room or remove" in message and "let DEEPWEEKS_DATA name" in message
    data = images.load("digits", train=10, test=10)
    assert data.source == "embedded" and "(Not a directory)" in data.note and not server.asked


def test_a_read_only_folder(monkeypatch, mirrors, place, server):
    mirrors("good")
    put(place, t10k_labels=None)

    def mkdtemp(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(source.tempfile, "mkdtemp", mkdtemp)
    assert f"MNIST cannot be used in {place} (Read-only file system); " in refused()
    assert not server.asked


@pytest.mark.parametrize("step", ["unpack", "rename"])
def test_a_full_disk_leaves_nothing_half_done(monkeypatch, mirrors, place, step):
    mirrors("good")
    if step == "unpack":

        def write_bytes(path, content):
            with open(path, "wb") as file:
                file.write(content[:10])
            full()

        monkeypatch.setattr(source.Path, "write_bytes", write_bytes)
    else:
        monkeypatch.setattr(source.os, "replace", full)
    assert "No space left on device" in refused()
    assert not left(place) and not [path for path in place.iterdir() if path.name.startswith(".partial-")]
    assert images.load("digits", train=10, test=10).source == "embedded"


def test_an_interrupt_leaves_nothing_half_done(monkeypatch, mirrors, place):
    mirrors("good")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(source.gzip, "decompress", stop)
    with pytest.raises(KeyboardInterrupt):
        images.load("digits")
    assert not list(place.iterdir())


# CIFAR-10, which comes as pickles


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.fixture
def cifar(monkeypatch, server, place):
    random, batches = np.random.default_rng(0), {}
    for name in map(os.path.basename, source.CIFAR10.files()):
        pictures = random.integers(0, 256, (4, 3072), dtype=np.uint8)
        content = {"label_names": [f"class {k}" for k in range(10)]} if name == "batches.meta" else None
        batches[name] = pickle.dumps(content or {"data": pictures, "labels": [0, 1, 2, 9]})

    def use(batches, sha256=None, md5=None):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, content in {**batches, "readme.html": b"<p>"}.items():
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        archive = buffer.getvalue()
        server.content["cifar-10-python.tar.gz"] = archive
        md5 = md5 or {name: hashlib.md5(content).hexdigest() for name, content in batches.items()}
        collection = dataclasses.replace(
            source.CIFAR10,
            mirrors=(f"{server.url}/good/",),
            archives={"cifar-10-python.tar.gz": sha256 or hashlib.sha256(archive).hexdigest()},
        )
        monkeypatch.setitem(images._KINDS, "cifar10", (*images._KINDS["cifar10"][:2], collection))
        pairs = [[name, md5[name]] for name in batches if "batch_" in name and name != "batches.meta"]
        monkeypatch.setattr(datasets.CIFAR10, "train_list", pairs)
        monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
        monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": md5["batches.meta"]})
        return archive, md5

    return batches, use


def test_cifar_is_unpacked_and_read(place, cifar, capsys):
    batches, use = cifar
    use(batches)
    data = images.load("cifar10", test=3)
    assert data.source == "real" and data.x.shape == (20, 3, 32, 32) and data.x_test.shape == (3, 3, 32, 32)
    first = pickle.loads(batches["data_batch_1"])["data"].reshape(4, 3, 32, 32) / 255
    np.testing.assert_allclose(data.x[:4].numpy(), first, rtol=1e-6)
    assert data.y[:4].tolist() == [0, 1, 2, 9] and data.classes[9] == "class 9"
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == sorted(batches)


def test_an_archive_put_there_by_hand_is_used(place, cifar, server):
    batches, use = cifar
    archive, _ = use(batches)
    place.mkdir()
    (place / "cifar-10-python.tar.gz").write_bytes(archive)
    server.asked.clear()
    assert images.load("cifar10").source == "real" and not server.asked
    assert (place / "cifar-10-python.tar.gz").exists()


def test_nothing_is_unpickled_before_its_hash(place, cifar, tmp_path):
    batches, use = cifar
    sprung = tmp_path / "sprung"
    evil = {**batches, "data_batch_2": pickle.dumps(Trap(str(sprung)))}
    good = {name: hashlib.md5(content).hexdigest() for name, content in batches.items()}
    use(evil, sha256="0" * 64, md5=good)
    assert images.load("cifar10", train=10, test=10).source == "embedded"
    assert not list(place.iterdir())
    folder = place / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in evil.items():
        (folder / name).write_bytes(content)
    assert images.load("cifar10", train=10, test=10).source == "embedded" and not sprung.exists()
    assert not (folder / "data_batch_2").exists()
    pickle.loads(evil["data_batch_2"]).close()
    assert sprung.exists()  # the trap works


def test_pickles_of_early_torchvision_are_passed_over(place, mirrors):
    mirrors("closed")
    put(place)
    (place / "MNIST" / "processed").mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.ones(7, 28, 28), torch.ones(7)), place / "MNIST" / "processed" / name)
    assert len(images.load("digits", source="real").x) == TRAIN


def test_a_spoilt_batch_is_named_and_replaced(place, cifar, capsys):
    batches, use = cifar
    use(batches)
    images.load("cifar10")
    path = place / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    capsys.readouterr()
    assert images.load("cifar10").source == "real"
    assert "data_batch_3 is damaged: wrong md5; removed" in capsys.readouterr().out
    assert path.read_bytes() == batches["data_batch_3"]


# The collections themselves


def test_collections_agree_with_torchvision():
    for collection in (source.MNIST, source.FASHION):
        resources = collection.parser().resources
        assert [name for name, _ in resources] == list(collection.archives)
        assert collection.parser().mirrors[0] in collection.mirrors
    assert len(source.CIFAR10.files()) == 7 and list(source.MNIST.files()) == list(FILES)
    assert source.CIFAR10.mirrors[0] + next(iter(source.CIFAR10.archives)) == datasets.CIFAR10.url
    hashes = [h for c in (source.MNIST, source.FASHION, source.CIFAR10) for h in c.archives.values()]
    assert len(set(hashes)) == 9 and all(len(h) == 64 and int(h, 16) for h in hashes)
