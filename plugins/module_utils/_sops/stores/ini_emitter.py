# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New INI files, laid out as sops lays them out; and the spelling of keys and values.

Private to the collection. sops writes some texts so that they are read back as something else; those get
quotes that keep them, or are refused where there are none.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import AlreadyEncryptedError, ConversionError, EmissionError
from ..nodes import CommentNode, MappingNode, Node
from .flat_text import only_document, scalar
from .flatten import flatten
from .ini_scanner import DEFAULT, METADATA
from .ini_syntax import (
    DOUBLE,
    PLAIN,
    SINGLE,
    SPACE,
    TICK,
    TRIPLE,
    IniSyntaxError,
    read_key,
    read_value,
)


class Entry(t.NamedTuple):
    """A key with its spelled value and the comment above it."""

    key: str
    value: str
    comment: str


class Section(t.NamedTuple):
    """A section as sops writes it."""

    name: str
    comment: str
    entries: list[Entry]


# --- spelling -------------------------------------------------------------------------------------


def spell_value(text: str, styles: Sequence[str], where: str | None, behind: str = "") -> str:
    """A value in the first of these quotes, then in others, that are read back as this text.

    `behind` is what stands between the value and its comment, with the sign of that: it has to stay a comment.
    """
    quotes = (*styles, sops_style(text), DOUBLE, SINGLE, TICK, TRIPLE, PLAIN)
    for keeps_comment in (True, False):
        for quote in quotes:
            spelled = f"{quote}{text}{quote}"
            if _reads_as(spelled, text, behind, keeps_comment=keeps_comment):
                return spelled
    raise EmissionError(
        "a value holds quotes and line breaks in a mixture that an INI file cannot hold",
        where=where,
        hint="use another format, such as YAML",
    )


def sops_style(text: str) -> str:
    """The quotes that sops takes."""
    if "\n" in text or TICK in text:
        return TRIPLE
    if "#" in text or ";" in text:
        return TICK
    return DOUBLE if text.strip(SPACE) != text else PLAIN


def _reads_as(spelled: str, text: str, behind: str, *, keeps_comment: bool) -> bool:
    try:
        found = read_value(f"{spelled}{behind}\n", 0)
    except IniSyntaxError:
        return False
    comment = len(spelled) + len(behind) - 1 if behind else -1
    if (found.text, found.end, found.comment) != (text, len(spelled), comment):
        return False
    return found.comment_counts or not behind or not keeps_comment


def _spell_key(key: str, where: str) -> str:
    for quote in (_sops_key_quote(key), TICK, DOUBLE, TRIPLE):
        spelled = f"{quote}{key}{quote}"
        if _is_key(spelled, key):
            return spelled
    raise EmissionError("the name of a key cannot be written in an INI file", where=where)


def _sops_key_quote(key: str) -> str:
    if any(sign in key for sign in '"=:'):
        return TICK
    return TRIPLE if TICK in key else ""


def _is_key(spelled: str, key: str) -> bool:
    if not spelled or "\n" in spelled or spelled[0] in f"#;[{SPACE}" or key == "-":
        return False
    line = f"{spelled} = \n"
    try:
        return read_key(line, 0, len(line)) == (key, len(spelled) + 2)
    except IniSyntaxError:
        return False


# --- layout ---------------------------------------------------------------------------------------


def emit(documents: Sequence[MappingNode], metadata: Mapping[str, t.Any] | None) -> str:
    """A whole file."""
    encrypted = metadata is not None
    sections = [
        _section(name, node, encrypted=encrypted)
        for name, node in (item for item in only_document(documents).items if not isinstance(item, CommentNode))
    ]
    if metadata is not None:
        sections.append(_metadata(metadata))
    lines: list[str] = []
    for number, section in enumerate(sections):
        lines.extend(_comment_lines(section.comment, trim=False))
        if number == 0 and section.name == DEFAULT:
            if not section.entries:
                continue
        else:
            lines.append(f"[{section.name}]")
        lines.extend(entry_lines(section.entries))
        if number < len(sections) - 1:
            lines.append("")
    return "".join(f"{line}\n" for line in lines)


def metadata_lines(metadata: Mapping[str, t.Any]) -> list[str]:
    """The section with the metadata."""
    return [f"[{METADATA}]", *entry_lines(_metadata(metadata).entries)]


def entry_lines(entries: Sequence[Entry]) -> list[str]:
    """Keys with the equals signs in one column."""
    width = max((_size(entry.key) for entry in entries), default=0)
    lines = []
    for key, value, comment in entries:
        lines.extend(_comment_lines(comment, trim=True))
        lines.append(f"{key}{' ' * (width - _size(key))} = {value}")
    return lines


def _size(key: str) -> int:
    return len(key.encode("utf-8", "surrogateescape"))


def _comment_lines(comment: str, *, trim: bool) -> list[str]:
    lines = []
    for line in comment.split("\n") if comment else ():
        if line[:1] in ("#", ";"):
            lines.append(f"{line[0]} {line[1:].strip(SPACE)}")
        else:
            lines.append(f"; {line.strip(SPACE) if trim else line}")
    return lines


def _metadata(metadata: Mapping[str, t.Any]) -> Section:
    entries = []
    for key, text in flatten(metadata):
        where = f"{METADATA}.{key}"
        value = spell_value(text.replace("\n", "\\n"), (), where)
        entries.append(Entry(_spell_key(key, where), value, ""))
    return Section(METADATA, "", entries)


def _section(name: str, node: Node, *, encrypted: bool) -> Section:
    if encrypted and name == METADATA:
        raise AlreadyEncryptedError(
            "a section is named sops: the content is encrypted already, or uses a name that SOPS needs"
        )
    if not isinstance(node, MappingNode):
        raise EmissionError(
            "the top level of an INI file holds only sections",
            where=name,
            hint="put the values into mappings, or use another format",
        )
    if not name or "\n" in name:
        raise EmissionError("the name of a section is empty or has a line break")
    items = list(node.items)
    comment = ""
    if items and isinstance(items[0], CommentNode):
        comment = items.pop(0).text  # type: ignore[union-attr]
    return Section(name, comment, _entries(name, items, encrypted=encrypted))


def _entries(section: str, items: Sequence[tuple[str, Node] | CommentNode], *, encrypted: bool) -> list[Entry]:
    entries: dict[str, Entry] = {}
    last = ""
    for item in items:
        if isinstance(item, CommentNode):
            # As in sops, a comment belongs to the key that it follows, and the last one counts.
            if last:
                entries[last] = entries[last]._replace(comment=item.text)
            continue
        last, node = item
        where = f"{section}:{last}"
        if last in entries:
            raise ConversionError("a key occurs twice, and an INI file holds only one value for it", where=where)
        text = scalar(node, encrypted=encrypted, where=where)
        entries[last] = Entry(_spell_key(last, where), spell_value(text, (), where), "")
    return list(entries.values())
