# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a variables file: which variables it sets, and the same text with some of them changed.

Private to the collection. Text is changed where a value stands and nowhere else, so comments, order,
quotes and blank lines of the rest stay. Errors never quote the text: it was encrypted.
"""

from __future__ import annotations

import re
import sys
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from ..module_utils._errors import VaultFileError

_PLAIN_SCALAR = re.compile(r"[A-Za-z][A-Za-z0-9_.+/=@-]*")
_WORDS_WITH_A_MEANING = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, repr=False)
class OtherTag:
    """A value with a tag of its own (`!vault`, …): there, but not looked into."""

    tag: str
    text: str


class _Loader(yaml.SafeLoader):
    """YAML as Ansible reads it, with tagged values left closed."""


def _construct_other(loader: _Loader, suffix: str, node: yaml.Node) -> t.Any:
    if suffix == "unsafe" and isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return OtherTag(f"!{suffix}", str(node.value) if isinstance(node, yaml.ScalarNode) else "")


_Loader.add_multi_constructor("!", _construct_other)


class Variables:
    """The decrypted text of one file."""

    def __init__(self, text: str, *, where: str) -> None:
        self.text = text
        self._where = where
        self._root = self._compose()

    def values(self) -> dict[str, t.Any]:
        """Return the variables as Ansible would see them."""
        loader = _Loader(self.text)
        try:
            values = loader.get_single_data()
        except (yaml.YAMLError, ValueError, TypeError) as exc:
            raise self._malformed(exc) from None
        finally:
            loader.dispose()
        return {} if values is None else t.cast("dict[str, t.Any]", values)

    def with_values(self, variables: Mapping[str, str]) -> Variables | None:
        """Return the text with these variables, or None if it has them all."""
        current = self.values()
        wanted = {name: value for name, value in variables.items() if current.get(name) != value}
        if not wanted:
            return None
        text = self._edited(wanted)
        try:
            changed = Variables(text, where=self._where)
            as_wanted = changed.values() == {**current, **wanted}
        except VaultFileError:
            as_wanted = False
        if not as_wanted:
            raise VaultFileError(
                "these variables cannot be put into this file without touching others",
                where=self._where,
                hint=f"set {', '.join(wanted)} by hand with 'ansible-vault edit'",
            )
        return changed

    def _edited(self, wanted: Mapping[str, str]) -> str:
        text = self.text
        nodes = self._nodes()
        present = [name for name in wanted if name in nodes]
        # From the end to the beginning, so that positions stay right.
        for name in sorted(present, key=lambda name: nodes[name].start_mark.index, reverse=True):
            node = nodes[name]
            if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">") or node.tag.startswith("!"):
                raise VaultFileError(
                    f"the variable {name} is not a plain value on one line",
                    where=f"{self._where}, line {node.start_mark.line + 1}",
                    hint="bring it into the form 'name: value' with 'ansible-vault edit'",
                )
            start, end = node.start_mark.index, node.end_mark.index
            # `name:` alone is an empty value right behind the colon.
            gap = "" if start and text[start - 1].isspace() else " "
            text = text[:start] + gap + _scalar(wanted[name]) + text[end:]
        added = [f"{name}: {_scalar(value)}" for name, value in wanted.items() if name not in nodes]
        return self._with_lines(text, added) if added else text

    def _with_lines(self, text: str, lines: list[str]) -> str:
        if self._root is not None and (self._root.flow_style or self._root.start_mark.column):
            raise VaultFileError(
                "lines can be added only to a file with one 'name: value' per line that starts at the margin",
                where=self._where,
                hint="bring it into that form with 'ansible-vault edit'",
            )
        newline = "\r\n" if "\r\n" in text else "\n"
        if text and not text.endswith("\n"):
            text += newline
        return text + "".join(line + newline for line in lines)

    def _compose(self) -> yaml.MappingNode | None:
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, ValueError) as exc:
            raise self._malformed(exc) from None
        if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
            return None
        if not isinstance(root, yaml.MappingNode):
            raise VaultFileError("the decrypted content is not a mapping of variables", where=self._where)
        return root

    def _nodes(self) -> dict[str, yaml.Node]:
        nodes: dict[str, yaml.Node] = {}
        for key, value in self._root.value if self._root is not None else ():
            if key.value in nodes:
                line = key.start_mark.line + 1
                raise VaultFileError("a variable is set twice", where=f"{self._where}, line {line}")
            nodes[key.value] = value
        return nodes

    def _malformed(self, exc: Exception) -> VaultFileError:
        mark = getattr(exc, "problem_mark", None)
        where = f"{self._where}, line {mark.line + 1}" if mark is not None else self._where
        return VaultFileError(
            "the decrypted content is not YAML", where=where, hint="look at it with 'ansible-vault view'"
        )


def _scalar(value: str) -> str:
    if _PLAIN_SCALAR.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING:
        return value
    return str(yaml.dump(value, default_style='"', width=sys.maxsize)).rstrip("\n")
