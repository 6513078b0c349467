# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values given to a document: JSON text or plain Python data as nodes.

Private to the collection.
"""

from __future__ import annotations

import json
import math
import re
import typing as t

from .._errors import EmissionError, LimitError, ValueFormatError
from .nodes import MappingNode, Node, ScalarNode, SequenceNode, from_data
from .tree import STR

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Pairs(list[tuple[str, t.Any]]):
    """A JSON object: keys may be repeated, and are kept so."""


def parse_value(text: str) -> Node:
    """A value given as JSON.

    A number without fraction and exponent is an integer. sops makes a float of a number that stands alone, since its
    JSON library does, but not of one inside an object. A list may stand alone too, which sops refuses.
    """
    try:
        data = json.loads(
            text, parse_int=_integer, parse_float=_float, parse_constant=_constant, object_pairs_hook=_Pairs
        )
        return _node(data)
    except RecursionError:
        raise LimitError("the value is nested too deeply", where="value") from None
    except ValueError:
        raise ValueFormatError(
            "the value is not JSON",
            where="value",
            hint="put a string in double quotes, inside of the quotes of the shell",
        ) from None


def value_node(value: t.Any) -> Node:
    """A value given as plain Python data, or as nodes already."""
    if isinstance(value, ScalarNode | MappingNode | SequenceNode):
        return value
    try:
        return from_data(value)
    except EmissionError as exc:
        raise ValueFormatError(exc.message, where="value", hint=exc.hint) from None


def _integer(text: str) -> int | float:
    """As sops reads JSON: what does not fit into 64 bits is a float."""
    number = int(text) if len(text) < 21 else 2**63
    return number if -(2**63) <= number < 2**63 else _float(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


def _constant(text: str) -> t.NoReturn:
    raise ValueError(text)


def _node(data: t.Any) -> Node:
    if isinstance(data, _Pairs):
        return MappingNode([(_text(key), _node(value)) for key, value in data])
    if isinstance(data, list):
        return SequenceNode([_node(value) for value in data])
    return ScalarNode(STR, _text(data)) if isinstance(data, str) else from_data(data)


def _text(text: str) -> str:
    """Half of a surrogate pair is replaced, as in sops; here it could be taken for a byte that is not UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
