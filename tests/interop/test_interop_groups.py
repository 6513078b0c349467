# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key groups: the command sops opens our split data keys, and we open those of sops."""

from __future__ import annotations

import base64
import itertools
import os
import typing as t
from pathlib import Path

import pytest
from oracle_tools import YAML, Sops, find
from sops_library import Library

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.shamir import combine, split
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

PLAIN = b"a: 1\nb:\n    - x\n"
SUBSETS = [subset for count in range(1, 4) for subset in itertools.combinations(range(3), count)]


@pytest.fixture(scope="module")
def trio() -> list[Keys]:
    return [Keys(*age.generate_identity()) for _number in range(3)]


def ring_of(trio: list[Keys], numbers: t.Iterable[int]) -> KeyRing:
    return gather(NOWHERE, [("test", trio[number].private) for number in numbers])


def sops_of(trio: list[Keys], numbers: t.Iterable[int], folder: Path) -> Sops:
    return Sops(find("sops"), "\n".join(trio[number].private for number in numbers), folder)


def write_config(folder: Path, groups: t.Sequence[t.Sequence[str]], threshold: int | None) -> Rule:
    """A `.sops.yaml` for both, and the rule that we read in it."""
    lines = ["creation_rules:", "    - key_groups:"]
    for group in groups:
        lines.append("        - age:")
        lines.extend(f"            - {recipient}" for recipient in group)
    if threshold is not None:
        lines.append(f"      shamir_threshold: {threshold}")
    text = "\n".join(lines) + "\n"
    (folder / ".sops.yaml").write_text(text)
    return Config.parse(text, path=str(folder / ".sops.yaml")).rule_for(str(folder / "a.yaml"))


def encrypt_with_sops(sops: Sops, *options: str) -> t.Any:
    config = str(sops.folder / ".sops.yaml")
    arguments = ("encrypt", *options, "--filename-override", str(sops.folder / "a.yaml"), *YAML)
    return sops.run("--config", config, *arguments, data=PLAIN)


@pytest.mark.parametrize(
    ("in_rule", "option", "needed"),
    [(2, None, 2), (None, None, 3), (0, None, 3), (3, None, 3), (None, "2", 2), (3, "2", 2)],
    ids=["2 of 3", "absent", "zero", "3 of 3", "option", "option wins"],
)
def test_we_open_what_sops_split(
    trio: list[Keys], store: YamlStore, tmp_path: Path, in_rule: int | None, option: str | None, needed: int
) -> None:
    write_config(tmp_path, [[pair.public] for pair in trio], in_rule)
    options = ("--shamir-secret-sharing-threshold", option) if option else ()
    done = encrypt_with_sops(sops_of(trio, range(3), tmp_path), *options)
    assert done.returncode == 0, done.stderr.decode()
    stored = store.metadata(store.load(done.stdout))
    assert stored["shamir_threshold"] == needed
    assert Metadata.parse(stored).to_data() == stored
    for subset in SUBSETS:
        if len(subset) >= needed:
            assert document.decrypt(done.stdout, ring_of(trio, subset), store=store) == PLAIN
        else:
            with pytest.raises(DataKeyError, match=f"{needed} key groups are needed, {len(subset)} opened"):
                document.decrypt(done.stdout, ring_of(trio, subset), store=store)


@pytest.mark.parametrize(("threshold", "needed"), [(2, 2), (None, 3)], ids=["2 of 3", "absent"])
def test_sops_opens_what_we_split(
    trio: list[Keys], store: YamlStore, tmp_path: Path, threshold: int | None, needed: int
) -> None:
    rule = write_config(tmp_path, [[pair.public] for pair in trio], threshold)
    (tmp_path / "a.yaml").write_bytes(document.encrypt(PLAIN, rule, store=store).content)
    for subset in SUBSETS:
        done = sops_of(trio, subset, tmp_path).run("decrypt", str(tmp_path / "a.yaml"))
        assert done.returncode == (0 if len(subset) >= needed else 128), done.stderr.decode()
        assert done.stdout == (PLAIN if len(subset) >= needed else b"")
    config = ("--config", str(tmp_path / ".sops.yaml"))
    done = sops_of(trio, range(3), tmp_path).run(*config, "updatekeys", "-y", str(tmp_path / "a.yaml"))
    assert b"already up to date" in done.stdout + done.stderr


def test_the_older_sops_opens_what_we_split(
    trio: list[Keys], older_sops: Sops, store: YamlStore, tmp_path: Path
) -> None:
    rule = write_config(tmp_path, [[pair.public] for pair in trio], 2)
    content = document.encrypt(PLAIN, rule, store=store).content
    for subset, opens in (((0, 2), True), ((1,), False)):
        reader = Sops(older_sops.program, "\n".join(trio[number].private for number in subset), tmp_path)
        done = reader.run("decrypt", *YAML, "/dev/stdin", data=content)
        assert (done.stdout == PLAIN) is opens, done.stderr.decode()


def test_groups_of_several_keys_and_a_single_group(trio: list[Keys], store: YamlStore, tmp_path: Path) -> None:
    """Any key of a group opens its part; one group needs no threshold, though it may say one."""
    first, second, third = (pair.public for pair in trio)
    rule = write_config(tmp_path, [[first, second], [third]], 2)
    for content in (
        document.encrypt(PLAIN, rule, store=store).content,
        encrypt_with_sops(sops_of(trio, (), tmp_path)).stdout,
    ):
        (tmp_path / "a.yaml").write_bytes(content)
        for subset in ((0, 2), (1, 2)):
            assert document.decrypt(content, ring_of(trio, subset), store=store) == PLAIN
            assert sops_of(trio, subset, tmp_path).run("decrypt", str(tmp_path / "a.yaml")).stdout == PLAIN
        with pytest.raises(DataKeyError):
            document.decrypt(content, ring_of(trio, (0, 1)), store=store)
    rule = write_config(tmp_path, [[first, second]], 2)
    ours = document.encrypt(PLAIN, rule, store=store).content
    theirs = encrypt_with_sops(sops_of(trio, (), tmp_path)).stdout
    layouts = [list(store.metadata(store.load(content))) for content in (ours, theirs)]
    assert layouts[0] == layouts[1]
    assert document.decrypt(theirs, ring_of(trio, (1,)), store=store) == PLAIN


@pytest.mark.parametrize("threshold", [1, 3], ids=["too low", "too high"])
def test_thresholds_that_cannot_be_are_refused_by_both(
    trio: list[Keys], store: YamlStore, tmp_path: Path, threshold: int
) -> None:
    rule = write_config(tmp_path, [[pair.public] for pair in trio[:2]], threshold)
    done = encrypt_with_sops(sops_of(trio, (), tmp_path))
    with pytest.raises(InvalidInputError, match=f"shamir_threshold is {threshold}") as caught:
        document.encrypt(PLAIN, rule, store=store)
    assert done.returncode == caught.value.exit_code == 1


def test_shares_are_exchanged_with_the_library(library: Library) -> None:
    """Splitting here and combining there, and the other way round, for all kinds of numbers."""
    for parts, threshold in ((2, 2), (3, 2), (5, 3), (20, 20), (255, 2)):
        secret = os.urandom(32)
        ours = split(secret, parts, threshold, os.urandom)
        assert library.ask("combine", parts=ours[-threshold:]).more["key"] == base64.b64encode(secret).decode()
        theirs = library.ask("split", key=secret, count=parts, threshold=threshold).more["parts"]
        assert combine([base64.b64decode(part) for part in theirs[:threshold]]) == secret
