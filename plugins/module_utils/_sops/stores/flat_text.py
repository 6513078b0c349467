# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stores of plain lines share: dotenv and INI, which hold texts only.

Private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..._errors import ConversionError, EmissionError, LimitError, MalformedFileError
from ..nodes import MappingNode, Node, ScalarNode, SequenceNode
from ..tree import BOOL, FLOAT, NULL, STR, TIME, Limits
from ..values import parse_float
from .base import Typed, place

_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FRACTION = re.compile(r"\.[0-9]+")


def decode(content: bytes, *, where: str | None, limits: Limits) -> str:
    """Text of a file; bytes that are not UTF-8 survive as surrogates, a byte order mark stays in it."""
    if len(content) > limits.size:
        raise LimitError(f"the file has more than {limits.size} bytes", where=where)
    if content.startswith(_MARKS):
        raise MalformedFileError("the file is UTF-16, not UTF-8", where=where)
    return content.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The inverse of `decode`."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise EmissionError("a text holds half of a character, which no file can hold") from None


def line_at(where: str | None, text: str, index: int) -> str | None:
    """File and line of a position; only a line feed ends a line here."""
    return place(where, text.count("\n", 0, index) + 1)


def only_document(documents: Sequence[MappingNode]) -> MappingNode:
    """The one document that such a file can hold."""
    if len(documents) > 1:
        raise ConversionError(
            f"the content has {len(documents)} documents, and this format holds one",
            hint="sops would silently drop the others: use YAML, or split the file",
        )
    return documents[0] if documents else MappingNode()


def text_of(typed: Typed) -> str:
    """A value as sops writes it where there are only texts."""
    kind, text = typed
    if kind == BOOL:
        return text.lower()
    if kind == FLOAT:
        return _float(text)
    if kind == TIME:
        return _FRACTION.sub("", text)
    return text


def _float(text: str) -> str:
    from .yaml_scalars import spell_float_as_sops  # noqa: PLC0415  (start-up time: few files need it)

    value = parse_float(text)
    if value is None or text in ("NaN", "+Inf", "-Inf"):
        return text
    spelled = spell_float_as_sops(value).replace("e", "E")
    return spelled if "." in spelled or "E" in spelled else f"{spelled}.0"


def scalar(node: Node, *, encrypted: bool, where: str) -> str:
    """Text of a value of a new file.

    In an encrypted file a clear value stands in its byte form: everything is read back as text, and the MAC
    is over that. sops writes such a file so that nobody can verify it.
    """
    if not isinstance(node, ScalarNode):
        kind = "list" if isinstance(node, SequenceNode) else "mapping"
        raise EmissionError(f"a {kind} stands where this format can only hold texts", where=where)
    if node.type == NULL:
        raise ConversionError(
            "a null cannot be written in this format",
            where=where,
            hint="sops would write <nil>, which is read as text: give it a value or remove it",
        )
    return node.text if encrypted and node.type != STR else text_of(node)
