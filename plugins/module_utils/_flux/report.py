# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run, and how a person reads it.

Private to the collection. Pure.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .._kubernetes.compare import Action, Planned
from .._kubernetes.objects import Object, Reference
from .forest import is_ready, kustomization_entry
from .preflight import Check
from .verify import Proof


@dataclass
class Outcome:
    """All that a run found and did; nothing in it is a secret."""

    check_mode: bool = False
    revision: str = ""
    flux_version: str = ""
    planned: Sequence[Planned] = ()
    drift: Sequence[Planned] = ()
    deleted: Sequence[Reference] = ()
    requested: Sequence[Reference] = ()
    would_request: bool = False
    kustomizations: Sequence[Object] = ()
    suspended: Sequence[Reference] = ()
    proof: Proof | None = None
    sops_files: int = 0
    checks: list[Check] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Return whether something was, or in check mode would be, written."""
        written = any(item.is_due for item in self.planned) or bool(self.deleted)
        return written or bool(self.requested) or self.would_request

    def of(self, action: Action) -> list[Planned]:
        """Return the objects that were treated so."""
        return [item for item in self.planned if item.action is action]

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module returns."""
        proof = self.proof or Proof()
        return {
            "changed": self.changed,
            "revision": self.revision,
            "flux_version": self.flux_version,
            "objects": {
                "created": [item.reference.entry for item in self.of(Action.CREATED)],
                "configured": [item.reference.entry for item in self.of(Action.CONFIGURED)],
                "unchanged": [item.reference.entry for item in self.of(Action.UNCHANGED)],
                "deleted": [target.entry for target in self.deleted],
            },
            "drift": [item.reference.entry for item in self.drift],
            "reconcile_requested": [target.entry for target in self.requested],
            "kustomizations": [kustomization_entry(found) for found in self.kustomizations],
            "secrets": {
                "compared": proof.compared,
                "proven": proof.proven,
                "not_compared": list(proof.not_compared),
            },
            "sops_files": self.sops_files,
            "checks": [check._asdict() for check in self.checks],
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "report": self.report(),
        }

    def report(self) -> list[str]:
        """Return lines for a person."""
        created, configured = len(self.of(Action.CREATED)), len(self.of(Action.CONFIGURED))
        kept = len(self.of(Action.UNCHANGED))
        word = "would be " if self.check_mode else ""
        lines = []
        if self.revision:
            lines.append(f"Revision {self.revision}" + (f", Flux {self.flux_version}" if self.flux_version else ""))
        if self.planned:
            lines.append(f"Objects: {created} {word}created, {configured} {word}configured, {kept} unchanged")
        if self.drift:
            listed = ", ".join(str(item.reference) for item in self.drift)
            lines.append(f"Different from Git, and left to Flux, which manages itself: {listed}")
        if self.kustomizations:
            ready = [found for found in self.kustomizations if is_ready(found)]
            lines.append(f"Kustomizations: {len(ready)} of {len(self.kustomizations)} ready")
        if self.suspended:
            lines.append("Suspended, not waited for: " + ", ".join(str(target) for target in self.suspended))
        if self.sops_files:
            lines.append(f"SOPS files: {self.sops_files} opened, MAC included")
        if self.proof:
            line = f"Secrets: {self.proof.proven} of {self.proof.compared} proven equal to Git"
            left_out = len(self.proof.not_compared)
            lines.append(line + (f", {left_out} not compared" if left_out else ""))
            lines += [f"Not compared: {entry}" for entry in self.proof.not_compared]
        lines += [f"Preflight {check.result}: {check}" for check in self.checks if check.result != "ok"]
        split = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in self.seconds.items() if stage != "total")
        if split:
            lines.append(f"Seconds: {self.seconds.get('total', 0):.1f} ({split})")
        return lines

    def as_diff(self) -> list[dict[str, str]]:
        """Return the differences as Ansible shows them; values of Secrets are masked."""
        return [_diff(item) for item in self.planned if item.is_due]


def _diff(item: Planned) -> dict[str, str]:
    before, after = [], []
    if item.action is Action.CREATED:
        after.append(f"apiVersion: {item.reference.api_version}")
        after.append(f"kind: {item.reference.kind}")
        keys = [*(item.wanted.get("data") or {}), *(item.wanted.get("stringData") or {})]
        after += [f"data.{key}: ***" for key in sorted(keys)] if item.reference.kind == "Secret" else []
    for path, old, new in item.differences:
        # Masked values look the same; what was there before is told apart, so that the line shows up.
        shown_old, shown_new = _text(old), _text(new)
        if shown_old == shown_new:
            shown_old, shown_new = f"{shown_old} (before)", f"{shown_new} (after)"
        before += [f"{path}: {shown_old}"] if old is not None else []
        after += [f"{path}: {shown_new}"] if new is not None else []
    before += [f"data.{key}: ***" for key in item.surplus]
    return {
        "before_header": str(item.reference),
        "after_header": str(item.reference),
        "before": _lines(before),
        "after": _lines(after),
    }


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
