# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of AWS KMS, by ARN, with the role to take on and an encryption context.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .. import weak_types
from .stored import StoredKey


class AwsKmsKey(StoredKey):
    """One key of AWS KMS and the data key encrypted with it."""

    kind: t.ClassVar[str] = "kms"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("arn", "aws_profile", "context", "created_at", "enc", "role")

    @classmethod
    def named(cls, arn: str, *, profile: str = "") -> t.Self:
        """A key by ARN, with the role to take on behind a plus sign."""
        key, plus, role = arn.replace(" ", "").partition("+arn:")
        return cls({"arn": key, "aws_profile": profile, **({"role": f"arn:{role}"} if plus else {})})

    @classmethod
    def parse(cls, data: Mapping[str, t.Any], *, where: str) -> t.Self:
        """Read an entry of the metadata."""
        key = super().parse(data, where=where)
        for context in weak_types.items(key.entry.get("context")):
            for name, value in weak_types.mapping(context, f"{where}.context").items():
                weak_types.text(value, f"{where}.context.{name}")
        return key

    @property
    def context(self) -> dict[str, str]:
        """The encryption context, in the order of its names."""
        given = self.entry.get("context")
        if not isinstance(given, Mapping):
            return {}
        named = {str(name): weak_types.text(value, "context") for name, value in given.items() if value is not None}
        return dict(sorted(named.items()))

    @property
    def recipient(self) -> str:
        """`ARN[+ROLE]|context|profile`, with the parts that are there."""
        text = self.text("arn")
        if self.text("role"):
            text += f"+{self.text('role')}"
        context = ",".join(f"{name}:{value}" for name, value in self.context.items())
        if self.text("aws_profile"):
            return f"{text}|{context}|{self.text('aws_profile')}"
        return f"{text}|{context}" if context else text
