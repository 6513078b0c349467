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
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import yaml

from ..module_utils._errors import VaultFileError

_PLAIN_SCALAR = re.compile(r"[A-Za-z][A-Za-z0-9_.+/=@-]*")
_BLOCK = re.compile(r"(?! )[ -~]+\n(?:[ -~]*\n)*[ -~]+\n?")
"""Text of several lines that a literal block shows as it is."""
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

    def with_values(self, variables: Mapping[str, str | OtherTag]) -> Variables | None:
        """Return the text with these variables, or None if it has them all."""
        current = self.values()
        wanted = {name: value for name, value in variables.items() if current.get(name) != value}
        if not wanted:
            return None
        return self._checked(
            self._edited(wanted),
            {**current, **wanted},
            f"set {', '.join(wanted)} by hand with 'ansible-vault edit'",
        )

    def without(self, names: Collection[str]) -> Variables | None:
        """Return the text without these variables, or None if it has none of them."""
        current = self.values()
        nodes = self._nodes()
        present = [name for name in names if name in nodes]
        if not present:
            return None
        text = self.text
        self._insist_on_lines("removed")
        for name in sorted(present, key=lambda name: nodes[name][0].start_mark.index, reverse=True):
            key, _value = nodes[name]
            _start, end = self._extent(name, nodes)
            line_end = text.find("\n", end)
            text = text[: key.start_mark.index] + (text[line_end + 1 :] if line_end >= 0 else "")
        return self._checked(
            text,
            {name: value for name, value in current.items() if name not in present},
            f"remove {', '.join(present)} by hand with 'ansible-vault edit'",
        )

    def _checked(self, text: str, values: Mapping[str, t.Any], hint: str) -> Variables:
        """Return the new text, once it is sure that it says what is wanted and nothing else."""
        try:
            changed = Variables(text, where=self._where)
            as_wanted = changed.values() == values
        except VaultFileError:
            as_wanted = False
        if not as_wanted:
            raise VaultFileError(
                "these variables cannot be changed in this file without touching others", where=self._where, hint=hint
            )
        return changed

    def _edited(self, wanted: Mapping[str, str | OtherTag]) -> str:
        text = self.text
        nodes = self._nodes()
        newline = "\r\n" if "\r\n" in text else "\n"
        margin = self._root.start_mark.column if self._root is not None else 0
        in_braces = self._root is not None and bool(self._root.flow_style)
        present = [name for name in wanted if name in nodes]
        # From the end to the beginning, so that positions stay right.
        for name in sorted(present, key=lambda name: nodes[name][1].start_mark.index, reverse=True):
            start, end = self._extent(name, nodes)
            # `name:` alone is an empty value right behind the colon.
            gap = "" if start and text[start - 1].isspace() else " "
            # A comment behind a value would become a part of a block.
            on_one_line = in_braces or bool(text[end:].partition("\n")[0].strip())
            text = text[:start] + gap + _written(wanted[name], margin, newline, on_one_line) + text[end:]
        added = [f"{name}: {_written(value, 0, newline, False)}" for name, value in wanted.items() if name not in nodes]
        return self._with_lines(text, added, newline) if added else text

    def _extent(self, name: str, nodes: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> tuple[int, int]:
        """Return where a value stands. A block of lines ends with its last line that is not blank."""
        node = nodes[name][1]
        if not isinstance(node, yaml.ScalarNode):
            raise VaultFileError(
                f"the variable {name} is not a single value",
                where=f"{self._where}, line {node.start_mark.line + 1}",
                hint="bring it into the form 'name: value' with 'ansible-vault edit'",
            )
        start, end = node.start_mark.index, node.end_mark.index
        if node.style in ("|", ">"):
            end = start + len(self.text[start:end].rstrip())
        return start, end

    def _insist_on_lines(self, what: str) -> None:
        if self._root is not None and (self._root.flow_style or self._root.start_mark.column):
            raise VaultFileError(
                f"lines can be {what} only in a file with one 'name: value' per line that starts at the margin",
                where=self._where,
                hint="bring it into that form with 'ansible-vault edit'",
            )

    def _with_lines(self, text: str, lines: list[str], newline: str) -> str:
        self._insist_on_lines("added")
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
            raise VaultFileError("the content is not a mapping of variables", where=self._where)
        return root

    def _nodes(self) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        nodes: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in self._root.value if self._root is not None else ():
            if key.value in nodes:
                line = key.start_mark.line + 1
                raise VaultFileError("a variable is set twice", where=f"{self._where}, line {line}")
            nodes[key.value] = (key, value)
        return nodes

    def _malformed(self, exc: Exception) -> VaultFileError:
        mark = getattr(exc, "problem_mark", None)
        where = f"{self._where}, line {mark.line + 1}" if mark is not None else self._where
        return VaultFileError("the content is not YAML", where=where, hint="look at it with 'ansible-vault view'")


def _written(value: str | OtherTag, margin: int, newline: str, on_one_line: bool) -> str:
    """Return the value as it stands behind the colon of its name."""
    tag, text = (f"{value.tag} ", value.text) if isinstance(value, OtherTag) else ("", value)
    if not on_one_line and _BLOCK.fullmatch(text):
        lines = [" " * (margin + 2) + line if line else "" for line in text.removesuffix("\n").split("\n")]
        return tag + newline.join(["|" if text.endswith("\n") else "|-", *lines])
    return tag + _scalar(text)


def _scalar(value: str) -> str:
    if _PLAIN_SCALAR.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING:
        return value
    return str(yaml.dump(value, default_style='"', width=sys.maxsize)).rstrip("\n")
