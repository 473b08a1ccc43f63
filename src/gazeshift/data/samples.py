"""The samples of one tar shard: read once from start to end, their pictures kept as places and digests."""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

from gazeshift.data.addresses import Root, without_secrets
from gazeshift.data.decode import why_outside
from gazeshift.data.findings import Finding, clipped, short
from gazeshift.data.locate import IMAGE_SUFFIXES
from gazeshift.data.references import Stretch
from gazeshift.data.remote import opened
from gazeshift.data.rows import decode_text
from gazeshift.data.tables import Repeated, parsed_json
from gazeshift.errors import DataError
from gazeshift.pairs import ImageReference

_BLOCK = 512
"""Bytes of a block of a tar file."""
_LONGEST = 16 * 2**20
"""Bytes of a text, class or JSON member; longer ones are not read."""
_READ = (".txt", ".cls", ".json")


@dataclass
class Sample:
    """The files of one base name.

    Attributes:
        key: the shard and the picture's name in it (the base name, if there is no picture).
        image: where its picture is, if it has one.
        text: its ``.txt``.
        label: its ``.cls``.
        fields: its ``.json``.
    """

    key: str
    image: ImageReference | None = None
    text: str | None = None
    label: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Member:
    """A file of a sample: its name, and its content or, for a picture, where that lies."""

    name: str
    kept: bytes | ImageReference

    @property
    def stem(self) -> str:
        """WebDataset's base name: up to the first dot after the last slash."""
        folder, slash, file = self.name.rpartition("/")
        return f"{folder}{slash}{file.partition('.')[0]}"

    @property
    def suffix(self) -> str:
        return f".{self.name.rpartition('/')[2].partition('.')[2]}".lower()


def samples_in(shard: str, place: Root, findings: list[Finding]) -> Iterator[Sample]:
    """The samples of a shard, in order.

    Args:
        shard: its name, for keys and messages.
        place: where it is.
        findings: what is repaired or not used is added here.

    Raises:
        DataError: the shard is missing, unreachable, truncated, or no tar file.
    """
    for stem, members in groupby(_members(shard, place, findings), key=lambda member: member.stem):
        yield _sample(shard, stem, list(members), findings)


def _sample(shard: str, stem: str, members: list[_Member], findings: list[Finding]) -> Sample:
    sample = Sample(f"{shard}/{stem}")
    for member in members:
        kept, where = member.kept, f"{shard}/{member.name}"
        if isinstance(kept, ImageReference):
            if sample.image is None:
                sample.image, sample.key = kept, where
            else:
                findings.append(Finding("stray file", where, "a second picture of its sample"))
        elif member.suffix == ".json":
            sample.fields = _fields(kept, where, findings)
        else:
            text, repaired = decode_text(kept, where)
            findings += repaired
            if member.suffix == ".txt":
                sample.text = text
            else:
                sample.label = text.strip()
    return sample


def _fields(content: bytes, where: str, findings: list[Finding]) -> dict[str, Any]:
    try:
        found = parsed_json(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    reason = f"the key {clipped(found.key)!r} occurs twice" if isinstance(found, Repeated) else "not a JSON object"
    findings.append(Finding("unreadable row", where, reason))
    return {}


def _members(shard: str, place: Root, findings: list[Finding]) -> Iterator[_Member]:
    end = 0
    try:
        with opened(place) as file:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                for member in tar:
                    tar.members = []  # type: ignore[attr-defined]  # or the archive would keep every header
                    end = tar.offset
                    if kept := _kept(shard, place, tar, member, findings):
                        yield kept
            _refuse_cut(file, end, place)
    except (tarfile.TarError, EOFError) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:100]
        raise DataError(f"{without_secrets(place)}: truncated, or not a tar file ({reason}); copy it again.") from error


def _refuse_cut(file: BinaryIO, end: int, place: Root) -> None:
    """Refuse a shard that lacks the blocks of zeros at its end: tarfile takes a file cut between two members for a whole one."""
    file.seek(end)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise DataError(f"{without_secrets(place)}: truncated: a tar file ends with empty blocks; copy it again.")


def _kept(
    shard: str, place: Root, tar: tarfile.TarFile, member: tarfile.TarInfo, findings: list[Finding]
) -> _Member | None:
    """A member that belongs to a sample; others are findings, except folders and hidden files."""
    name = PurePosixPath(member.name).as_posix()
    if member.isdir() or PurePosixPath(name).name.startswith("."):
        return None
    if reason := why_outside(member.name):
        findings.append(Finding("escaped path", shard, f"{short(member.name)} {reason}"))
        return None
    content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    suffix = _Member(name, b"").suffix
    if content is None or suffix not in IMAGE_SUFFIXES.union(_READ):
        findings.append(Finding("stray file", f"{shard}/{name}", "" if member.isreg() else "a link or a device"))
        return None
    if suffix in IMAGE_SUFFIXES:
        return _Member(name, _reference(place, name, member, content))
    if member.size > _LONGEST:
        findings.append(Finding("unreadable row", f"{shard}/{name}", f"longer than {_LONGEST:,} bytes"))
        return None
    return _Member(name, content.read())


def _reference(place: Root, name: str, member: tarfile.TarInfo, content: IO[bytes]) -> Stretch:
    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    return Stretch(place, member.offset_data, member.size, PurePosixPath(name).name, digest)
