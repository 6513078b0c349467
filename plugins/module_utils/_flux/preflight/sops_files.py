# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The encrypted files: can they be opened, are they for whom they should be, can Flux build them?

Private to the collection.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from ..._errors import NoMatchingRuleError, SopsError
from ..._sops.config import CONFIG_NAME, Config
from ..._sops.key_ring import AGE, KeyRing
from ..._sops.keys.base import MasterKey
from ..artifact import Files
from ..encrypted import Encrypted, Opened
from ..tree import Tree
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing

LARGEST = 5 << 20
"""kustomize-controller decrypts no file of a generator or patch that is larger."""
_BROKEN = re.compile(rb"^[\"']?(apiVersion|kind)[\"']?[ \t]*:[ \t]*[\"']?ENC\[", re.MULTILINE)
_METADATA = re.compile(rb"^[\"']?metadata[\"']?[ \t]*:(.*\n(?:[ \t]+.*\n?|[ \t]*\n)*)", re.MULTILINE)
_NAMES = re.compile(rb"[\"']?\b(name|namespace|generateName)[\"']?[ \t]*:[ \t]*[\"']?ENC\[")
_SHORT = 16


def sops_files(encrypted: Encrypted, ring: KeyRing | None) -> Check:
    """Does the key open every encrypted file that the cluster will read?"""
    if ring is None:
        if len(encrypted):
            return Check("sops_files", FAIL, f"{len(encrypted)} encrypted files and no decryption key", "give the key")
        return Check("sops_files", OK, "no encrypted files")
    if not len(encrypted):
        return Check(
            "sops_files",
            FAIL,
            "a decryption key is given, and no encrypted file is covered by the path or by any Kustomization below it",
            "is this the right path, and are the files encrypted and committed?",
        )
    opened = encrypted.open(ring)
    broken = [file for file in opened if not file.is_open and not file.is_unsupported]
    unsupported = [file for file in opened if file.is_unsupported]
    if broken:
        told = _by_problem(broken)
        evidence = f"{len(broken)} of {len(opened)} encrypted files cannot be used: {told}"
        return Check(
            "sops_files", FAIL, evidence, "encrypt them for the public key of this cluster, or seed the right key"
        )
    if unsupported:
        evidence = f"{len(unsupported)} of {len(opened)} files could not be tried: {_by_problem(unsupported)}"
        return Check("sops_files", UNKNOWN, evidence)
    return Check("sops_files", OK, f"the key opens all {len(opened)} encrypted files, MAC included")


def may_open(encrypted: Encrypted, ring: KeyRing | None) -> bool:
    """Return whether to try: with an age identity at hand, or where each file has a key that a program or a service may open."""
    if ring is None or not len(encrypted):
        return False
    return bool(ring.recipients) or all(
        any(key.kind != AGE for group in groups for key in group) for _path, groups in encrypted.recipients()
    )


def no_key(encrypted: Encrypted) -> Check:
    """Say that nothing was opened, where a key may be missing."""
    if not len(encrypted):
        return Check("sops_files", OK, "no encrypted files")
    evidence = f"{len(encrypted)} encrypted files were not opened: there is no key at hand"
    return Check("sops_files", UNKNOWN, evidence, "give the key of the cluster, for example with SOPS_AGE_KEY_FILE")


def sops_rules(encrypted: Encrypted, files: Files) -> Iterator[Check]:
    """Is every encrypted file for those whom `.sops.yaml` names?"""
    configs: dict[str, Config | None] = {}
    drift, without, broken = [], [], []
    for path, groups in encrypted.recipients():
        try:
            config = _config_of(path, files, configs)
            if config is None:
                without.append(path)
                continue
            wanted = config.rule_for(path).settled(groups).groups
        except NoMatchingRuleError:
            without.append(path)
            continue
        except SopsError as exc:
            broken.append(str(exc))
            continue
        difference = _difference(groups, wanted)
        if difference:
            drift.append(f"{path} {difference}")
    if broken:
        yield Check("sops_rules", FAIL, listing(list(dict.fromkeys(broken))), "correct the file: sops reads it too")
    if drift:
        fix = "bring the files in line with the rules: encrypt them anew (docs/day-two.md), or sops updatekeys"
        yield Check("sops_rules", WARN, f"not for whom .sops.yaml says: {listing(drift)}", fix)
    if without:
        yield Check("sops_rules", UNKNOWN, f"no creation rule covers {listing(without, ', ')}", "add one to .sops.yaml")
    if not broken and not drift and not without:
        yield Check("sops_rules", OK, f"{len(encrypted)} encrypted files are for whom .sops.yaml says")


def sops_layout(encrypted: Encrypted, tree: Tree) -> Iterator[Check]:
    """Are apiVersion, kind and metadata in clear, so that Flux can build the object before it decrypts it?"""
    broken, odd = [], []
    for path in encrypted.among(dict.fromkeys(path for node in tree.nodes for path in node.resources)):
        content = encrypted.content(path)
        found = [match.decode() for match in dict.fromkeys(_BROKEN.findall(content))]
        for block in _METADATA.findall(content):
            names = [f"metadata.{match.decode()}" for match in dict.fromkeys(_NAMES.findall(block))]
            found += names
            if not names and b"ENC[" in block:
                odd.append(path)
        if found:
            broken.append(f"{path} ({', '.join(found)})")
    fix = "set encrypted_regex: ^(data|stringData)$ in .sops.yaml, and encrypt the file anew"
    if broken:
        yield Check("sops_layout", FAIL, f"encrypted, so that no object can be built: {listing(broken)}", fix)
    if odd:
        yield Check("sops_layout", WARN, f"parts of metadata are encrypted: {listing(odd, ', ')}", fix)
    if not broken and not odd:
        yield Check("sops_layout", OK, "apiVersion, kind and metadata are in clear")


def file_size(tree: Tree, files: Files) -> Check:
    """Is every file that is decrypted before the build small enough?"""
    large = []
    for node in tree.nodes:
        if node.decryption is None:
            continue
        large += [path for path in node.inputs if len(files.read(path)) > LARGEST]
    if large:
        evidence = f"larger than 5 MiB, which Flux does not decrypt: {listing(list(dict.fromkeys(large)), ', ')}"
        return Check("file_size", FAIL, evidence, "split the file")
    return Check("file_size", OK, "no file of a generator or patch is larger than 5 MiB")


def _config_of(path: str, files: Files, known: dict[str, Config | None]) -> Config | None:
    """Return the nearest `.sops.yaml`, of the folder of the file or above."""
    folder = posixpath.dirname(path)
    if folder not in known:
        name = posixpath.join(folder, CONFIG_NAME)
        if name in files:
            known[folder] = Config.parse(files.read(name).decode("utf-8", "surrogateescape"), path=name)
        else:
            known[folder] = _config_of(folder, files, known) if folder else None
    return known[folder]


def _difference(
    groups: Sequence[Sequence[MasterKey]], wanted: Sequence[Sequence[MasterKey]]
) -> str:  # both as they stand, the order of the groups counts
    have = [{(key.kind, key.recipient) for key in group} for group in groups]
    want = [{(key.kind, key.recipient) for key in group} for group in wanted]
    if have == want:
        return ""
    ours, theirs = set().union(*have), set().union(*want)
    parts = [f"lacks {_shortened(name)}" for _kind, name in sorted(theirs - ours)]
    parts += [f"has {_shortened(name)}" for _kind, name in sorted(ours - theirs)]
    return " and ".join(parts) or "has other key groups"


def _shortened(recipient: str) -> str:
    return recipient if len(recipient) <= 2 * _SHORT else f"{recipient[:_SHORT]}…{recipient[-6:]}"


def _by_problem(files: Sequence[Opened]) -> str:
    """Return the files with their problems; a problem that many share is told once."""
    problems: dict[str, list[str]] = {}
    for file in files:
        problems.setdefault(file.problem, []).append(file.path)
    return listing([f"{listing(paths, ', ')}: {problem}" for problem, paths in problems.items()])
