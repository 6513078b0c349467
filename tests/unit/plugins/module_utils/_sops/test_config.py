# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`.sops.yaml`: which rule covers a file."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    ConfigError,
    KeyFormatError,
    NoMatchingRuleError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule, config_candidates
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selector
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

PATH = "/repo/.sops.yaml"


def config(text: str, keys: Keys | None = None, path: str = PATH) -> Config:
    return Config.parse(text.replace("KEY", keys.public if keys else "age1x"), path=path)


def test_the_first_rule_that_matches_wins(keys: Keys) -> None:
    text = """
    creation_rules:
      - {path_regex: ^apps/.*\\.yaml$, age: KEY, encrypted_regex: ^data$}
      - {path_regex: '', age: KEY, unencrypted_suffix: _clear}
    """
    parsed = config(text, keys)
    assert parsed.rule_for("/repo/apps/a.yaml") == Rule(
        (keys.public,), Selector("encrypted_regex", "^data$"), "/repo/.sops.yaml: creation_rules[0]"
    )
    assert parsed.rule_for("/repo/infra/a.yaml").selector == Selector("unencrypted_suffix", "_clear")


@pytest.mark.parametrize(
    ("config_path", "path", "matches"),
    [
        ("/repo/.sops.yaml", "/repo/apps/a.yaml", True),
        ("/repo/sub/.sops.yaml", "/repo/apps/a.yaml", False),
        (".sops.yaml", "apps/a.yaml", True),
        ("./.sops.yaml", "./apps/a.yaml", True),
        ("/.sops.yaml", "/apps/a.yaml", True),
    ],
)
def test_paths_are_relative_to_the_folder_of_the_config(keys: Keys, config_path: str, path: str, matches: bool) -> None:
    parsed = config("creation_rules: [{path_regex: ^apps/, age: KEY}]", keys, config_path)
    if matches:
        assert parsed.rule_for(path).age == (keys.public,)
    else:
        with pytest.raises(NoMatchingRuleError, match="no creation rule matches"):
            parsed.rule_for(path)


@pytest.mark.parametrize(
    "rule",
    [
        "age: KEY",
        "age: ' KEY , KEY,'",
        "age: [KEY]",
        "age: >-\n      KEY,\n      KEY",
        "key_groups: [{age: [KEY]}]",
        "{key_groups: [{age: [KEY]}], pgp: ignored, age: ignored}",
    ],
)
def test_recipients_may_be_written_in_several_ways(keys: Keys, rule: str) -> None:
    assert config(f"creation_rules:\n  - {rule}\n", keys).rule_for("/repo/a").age == (keys.public,)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        ("{pgp: ABC, age: KEY}", UnsupportedError, "pgp"),
        ("{kms: arn, age: KEY}", UnsupportedError, "kms"),
        ("{key_groups: [{age: [KEY], gcp_kms: [x]}]}", UnsupportedError, "gcp_kms"),
        ("{key_groups: [{age: [KEY]}, {age: [KEY]}]}", UnsupportedError, "2 key groups"),
        ("{age: KEY, shamir_threshold: 2}", UnsupportedError, "shamir"),
        ("{age: KEY, encrypted_regex: a, unencrypted_suffix: b}", ConfigError, "only one"),
        ("{age: KEY, encrypted_regex: '(?=a)'}", UnsupportedError, "refused"),
        ("{age: age1nonsense}", KeyFormatError, "not an age recipient"),
        ("{age: 5}", ConfigError, "neither a string"),
        ("{path_regex: x*}", NoMatchingRuleError, "no age recipient"),
        ("{key_groups: {age: KEY}}", ConfigError, "not a list"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_its_place(
    keys: Keys, rule: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        config(f"creation_rules: [{rule}]", keys).rule_for("/repo/a")
    assert "creation_rules[0]" in str(caught.value)


def test_a_private_key_as_recipient_is_not_repeated(keys: Keys) -> None:
    with pytest.raises(KeyFormatError, match="private key") as caught:
        Rule.of([keys.private])
    assert keys.private not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("creation_rules: [", "not YAML"),
        ("creation_rules: {}", "not a list"),
        ("creation_rules: [x]", "not a mapping"),
        ("- x", "not a mapping"),
        ("creation_rules: [{path_regex: 5}]", "not a string"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        config(text)
    assert PATH in str(caught.value)


def test_a_broken_path_regex_is_refused_even_if_another_rule_would_match() -> None:
    with pytest.raises(UnsupportedError, match=r"path_regex.*refused"):
        config("creation_rules: [{age: x}, {path_regex: '(?=a)'}]")


@pytest.mark.parametrize("text", ["", "# nothing\n", "stores: {}", "creation_rules:"])
def test_a_file_without_rules_covers_nothing(text: str) -> None:
    with pytest.raises(NoMatchingRuleError, match="no creation_rules"):
        config(text).rule_for("/repo/a")


def test_candidates_go_upwards() -> None:
    assert [str(path) for path in config_candidates(PurePosixPath("/a/b"))] == [
        "/a/b/.sops.yaml",
        "/a/.sops.yaml",
        "/.sops.yaml",
    ]


def test_explicit_rules_need_a_recipient_and_know_the_selectors(keys: Keys) -> None:
    assert Rule.of([f"{keys.public}, {keys.public}"], encrypted_regex="^data$").selector.pattern == "^data$"
    with pytest.raises(NoMatchingRuleError):
        Rule.of([])
    with pytest.raises(ConfigError, match="not a selector"):
        Rule.of([keys.public], encrypt_all="x")
