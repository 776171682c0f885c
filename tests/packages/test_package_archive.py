"""Archives that mean harm: every one ends with a PackageError, in bounded time and memory; honest ones are read as tarfile reads them."""

from __future__ import annotations

import gzip
import tarfile
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packages_made import archive, member

from profiles.package_archive import Limits, PackageError, PackageTooLargeError, files


def read(data: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    return dict(files(data, lambda path: True, limits))


@pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"]
)
def test_honest_archives_are_read_whole(form: int) -> None:
    long = "package/" + "d" * 90 + "/" + "n" * 60 + ".json"
    contents = {"package/a.json": b"{}", "package/empty.json": b"", long: b"x" * 1537}
    made = archive(
        [member("package", type=tarfile.DIRTYPE), *(member(path, text) for path, text in contents.items())], form
    )
    assert read(made) == contents
    assert read(made + bytes(4096)) == contents
    if form == tarfile.PAX_FORMAT:
        assert read(archive([member("./package/ä.json", b"1")], form)) == {"package/ä.json": b"1"}


@pytest.mark.parametrize(
    "path",
    [
        "../a.json", "package/../../a.json", "/etc/a.json", "package/..", "C:/a.json", "package\\..\\a.json", "a\nb.json",
        "/".join("d" * 20), "n" * 600,
    ],
    ids=["up", "inside", "root", "ends", "drive", "backslash", "newline", "deep", "long"],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(PackageError, match="path"):
        read(archive([member("package/package.json", b"{}"), member(path, b"{}")]))


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"Z"],
    ids=["symlink", "link", "character", "block", "fifo", "sparse", "unknown"],
)
def test_links_devices_and_holes_are_refused(kind: bytes) -> None:
    with pytest.raises(PackageError, match="neither a file nor a folder"):
        read(archive([member("package/a.json", type=kind, linkname="/etc/passwd")]))


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(PackageError, match="same path"):
        read(archive([member("package/a.json", b"{}"), member("./package//a.json", b"{}")]))


def test_pax_headers_of_holes_and_of_enormous_size_are_refused() -> None:
    with pytest.raises(PackageError, match="holes"):
        read(archive([member("package/a.json", b"", pax_headers={"GNU.sparse.size": "99999999"})]))
    header = tarfile.TarInfo("h")
    header.type, header.size = tarfile.XHDTYPE, 1 << 32
    with pytest.raises(PackageError, match="header"):
        read(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no package",
        b"PK\x03\x04" + bytes(600),
        gzip.compress(b"no tar" * 200),
        gzip.compress(b""),
        archive([member("package/a.json", b"{}")])[:40],
        archive([member("package/a.json", b"x" * 5000)])[:-9],
        gzip.compress(gzip.decompress(archive([member("package/a.json", b"x" * 50_000)]))[:20_000]),
        archive([member("package/a.json", b"{}")]) + b"more",
    ],
    ids=["empty", "text", "zip", "no tar", "empty gzip", "cut", "no checksum", "cut inside", "followed"],
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(PackageError):
        read(data)


def test_a_wrong_checksum_is_found() -> None:
    data = bytearray(archive([member("package/a.json", b"{}")]))
    data[-6] ^= 1
    with pytest.raises(PackageError, match="damaged"):
        read(bytes(data))


def bomb(size: int) -> bytes:
    """A file of `size` zeros, packed a thousand times smaller, made without ever holding it."""
    info = tarfile.TarInfo("package/a.json")
    info.size = size
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(info.tobuf())]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(bytes(1024)), packer.flush()])


@pytest.mark.parametrize("wanted", [True, False], ids=["read", "passed over"])
def test_a_bomb_costs_neither_memory_nor_time(wanted: bool) -> None:
    data = bomb(128 << 20)
    assert len(data) < 1 << 20
    started = time.process_time()
    tracemalloc.start()
    with pytest.raises(PackageTooLargeError):
        list(files(data, lambda path: wanted))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert time.process_time() - started < 20


def test_every_limit_is_told() -> None:
    data = archive([member(f"package/{number}.json", b"x" * 5000) for number in range(30)])
    for limits, words in (
        (Limits(packed=100), "larger than"),
        (Limits(unpacked=50_000), "unpacks to more than"),
        (Limits(entries=20), "more than 20 files"),
        (Limits(file=4999), "larger than"),
        (Limits(seconds=-1), "too long"),
    ):
        with pytest.raises(PackageTooLargeError, match=words):
            read(data, limits)
    assert len(read(data)) == 30


_GOOD = gzip.decompress(archive([member("package/a.json", b"{}"), member("package/b.json", b"x" * 700)]))


@given(st.lists(st.tuples(st.integers(0, len(_GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_archive_is_refused_or_read_and_nothing_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(_GOOD)
    for place, value in changes:
        data[place] = value
    try:
        found = read(gzip.compress(bytes(data), 1))
    except PackageError:
        return
    assert all(not path.startswith("/") and ".." not in path.split("/") for path in found)
