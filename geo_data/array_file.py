"""Aligned raw arrays in one file, memory-mapped, the same on disk as in use.

File: 8 bytes of magic, little-endian uint32 format version and header length, a MessagePack header (``meta``,
``checksum``, and for each array name, dtype, shape, offset), then the arrays, each aligned to 64 bytes. The checksum
is SHA-256 over the arrays in header order.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

_ALIGN = 64
_MOST_HEADER_BYTES = 1 << 24


class ArrayFileError(ValueError):
    """A file is not one of the arrays that this version reads; says which and why."""


def checksum_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of the arrays in their order, as hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write_arrays(
    path: str | os.PathLike[str],
    magic: bytes,
    version: int,
    meta: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Write the file beside its place and move it there, so that a reader sees the old one or the new one."""
    offset, table = 0, list[dict[str, Any]]()
    for name, array in arrays.items():
        offset = -(-offset // _ALIGN) * _ALIGN
        little = array.dtype.newbyteorder("<").str
        table.append({"name": name, "dtype": little, "shape": list(array.shape), "offset": offset})
        offset += array.nbytes
    header = msgpack.packb({"meta": meta, "checksum": checksum_of(arrays), "arrays": table})
    prefix = struct.pack("<8sII", magic, version, len(header)) + header
    start = -(-len(prefix) // _ALIGN) * _ALIGN
    target = Path(path)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(prefix)
            for entry, array in zip(table, arrays.values(), strict=True):
                file.seek(start + int(entry["offset"]))
                file.write(np.ascontiguousarray(array).data)
            file.truncate(start + offset)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def map_arrays(
    path: str | os.PathLike[str],
    kind: str,
    magic: bytes,
    version: int,
    dtypes: Mapping[str, np.dtype[Any]],
    *,
    verify: bool = False,
    private: bool = False,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], str]:
    """Map a file into memory; return its arrays in the order of ``dtypes``, its meta and its checksum.

    With ``private`` the arrays may be written to, in memory alone; compiled code takes them for ordinary ones then.

    Raises
    ------
    ArrayFileError
        When the file is not a ``kind``, of another version, truncated, lacks an array, or, with ``verify``, does not
        match its checksum.
    """
    with Path(path).open("rb") as file:
        head = file.read(16)
        if len(head) < 16 or head[:8] != magic:
            raise ArrayFileError(f"{path}: not a {kind} (magic {head[:8]!r}, expected {magic!r})")
        found, length = struct.unpack("<II", head[8:])
        if found != version:
            raise ArrayFileError(f"{path}: format version {found}; this program reads {version}: make the file again")
        if length > _MOST_HEADER_BYTES:
            raise ArrayFileError(f"{path}: header of {length} bytes; limit {_MOST_HEADER_BYTES}")
        packed = file.read(length)
        size = os.fstat(file.fileno()).st_size
    try:
        header = msgpack.unpackb(packed)
        table, meta, checksum = header["arrays"], header["meta"], header["checksum"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArrayFileError(f"{path}: the header is broken or truncated ({error})") from None
    start = -(-(16 + length) // _ALIGN) * _ALIGN
    mapped = np.memmap(path, dtype=np.uint8, mode="c" if private else "r", shape=(size,))
    arrays: dict[str, NDArray[Any]] = {}
    for entry in table:
        try:
            name, (count,), begin = entry["name"], entry["shape"], start + entry["offset"]
            dtype = dtypes[name]
            end = begin + dtype.itemsize * count
            fits = start <= begin <= end and entry["dtype"] == dtype.str
        except (ValueError, KeyError, TypeError) as error:
            raise ArrayFileError(f"{path}: the header is broken ({error})") from None
        if not fits:
            raise ArrayFileError(f"{path}: the header is broken ({name}: {count} of {entry['dtype']} at byte {begin})")
        if end > size:
            raise ArrayFileError(f"{path}: truncated: {name} ends at byte {end}, the file at {size}")
        arrays[name] = np.asarray(mapped[begin:end]).view(dtype)
    missing = [name for name in dtypes if name not in arrays]
    if missing:
        raise ArrayFileError(f"{path}: lacks the arrays {', '.join(missing)}")
    arrays = {name: arrays[name] for name in dtypes}
    if verify and checksum_of(arrays) != checksum:
        raise ArrayFileError(f"{path}: the contents do not match the checksum {checksum}")
    return arrays, meta, checksum
