# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`.sops.yaml`: which rule covers a file."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    ConfigError,
    KeyFormatError,
    NoMatchingRuleError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import (
    Config,
    Indents,
    Rule,
    config_candidates,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
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
        ((AgeKey(keys.public),),), Selector("encrypted_regex", "^data$"), "/repo/.sops.yaml: creation_rules[0]"
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
        ("{key_groups: [{age: [KEY], gcp_kms: [x]}]}", ConfigError, "not a mapping"),
        ("{key_groups: [{age: [KEY]}, {}]}", NoMatchingRuleError, r"key_groups\[1\]: the rule names no key"),
        ("{key_groups: [{age: [KEY]}, null]}", NoMatchingRuleError, "names no key"),
        ("{key_groups: [text]}", ConfigError, "not a mapping"),
        ("{key_groups: [{age: KEY}]}", ConfigError, "age is not a list"),
        ("{key_groups: [{age: [5]}]}", ConfigError, "neither a string"),
        ("{key_groups: [{merge: [{age: [age1nonsense]}]}]}", KeyFormatError, r"merge\[0\].age"),
        ("{key_groups: [{kms: [{arn: [x]}]}]}", ConfigError, "arn is not a string"),
        ("{key_groups: [{kms: [{arn: x, context: [x]}]}]}", ConfigError, "context is not a mapping"),
        ("{key_groups: [{kms: [{arn: x, context: {a: 5}}]}]}", ConfigError, "a is not a string"),
        ("{key_groups: [{hckms: [{key_id: x}]}]}", ConfigError, "region:id"),
        ("{key_groups: [{hc_vault: ['https://x/prefix/v1/transit/keys/k']}]}", ConfigError, "Vault"),
        ("{azure_keyvault: 'http://x/keys/k/v'}", ConfigError, "Azure"),
        ("{hckms: 'region:id'}", ConfigError, "hckms is neither"),
        ("{kms: x, aws_profile: 5}", ConfigError, "aws_profile"),
        ("{age: KEY, shamir_threshold: x}", ConfigError, "shamir_threshold is not a whole number"),
        ("{age: KEY, mac_only_encrypted: 'yes'}", ConfigError, "neither true nor false"),
        ("{age: [KEY, '']}", KeyFormatError, "starts with age1"),
        ("{age: KEY, encrypted_regex: a, unencrypted_suffix: b}", ConfigError, "only one"),
        ("{age: KEY, encrypted_regex: '(?=a)'}", UnsupportedError, "encrypted_regex: the pattern .* is refused"),
        ("{age: KEY, unencrypted_regex: '(?<!a)b'}", UnsupportedError, "unencrypted_regex"),
        ("{age: KEY, encrypted_comment_regex: 'a**'}", UnsupportedError, "encrypted_comment_regex"),
        ("{age: KEY, unencrypted_comment_regex: 'a(?!b)'}", UnsupportedError, "unencrypted_comment_regex"),
        ("{age: KEY, encrypted_suffix: 5}", ConfigError, "not a string"),
        ("{age: age1nonsense}", KeyFormatError, "not an age recipient"),
        ("{age: 5}", ConfigError, "neither a string"),
        ("{path_regex: x*}", NoMatchingRuleError, "names no key"),
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
    assert list(config_candidates("/a/b")) == ["/a/b/.sops.yaml", "/a/.sops.yaml", "/.sops.yaml"]


def test_explicit_rules_need_a_recipient_and_know_the_selectors(keys: Keys) -> None:
    assert Rule.of([f"{keys.public}, {keys.public}"], encrypted_regex="^data$").selector.pattern == "^data$"
    with pytest.raises(NoMatchingRuleError):
        Rule.of([])
    with pytest.raises(ConfigError, match="not a selector"):
        Rule.of([keys.public], encrypt_all="x")


def named(rule: Rule) -> list[list[tuple[str, str]]]:
    return [[(key.kind, key.recipient) for key in group] for group in rule.groups]


def test_groups_keep_their_order_and_hold_each_key_once(keys: Keys, other_keys: Keys) -> None:
    """Groups merged into one come first; age comes before the other kinds."""
    text = f"""
    creation_rules:
      - shamir_threshold: 2
        mac_only_encrypted: true
        key_groups:
          - merge:
              - pgp: ["AB CD"]
                merge: [{{age: [{other_keys.public}]}}]
            age: ["KEY,{other_keys.public}", KEY, ""]
          - pgp: [ABCD]
            age: [KEY]
          - kms:
              - {{arn: arn:k, role: arn:r, aws_profile: p, context: {{b: x, a: y}}}}
              - {{arn: arn:k}}
            gcp_kms: [{{resource_id: "projects/p keyRings/k"}}]
            hckms: [{{key_id: "region:id"}}]
            azure_keyvault: [{{vaultUrl: "https://v", key: k, version: "1"}}]
            hc_vault: ["http://v:8200/v1/a/b/keys/k"]
    """
    rule = config(text, keys).rule_for("/repo/a")
    assert named(rule) == [
        [("age", other_keys.public), ("pgp", "ABCD"), ("age", keys.public)],
        [("age", keys.public), ("pgp", "ABCD")],
        [
            ("kms", "arn:k+arn:r|a:y,b:x|p"),
            ("kms", "arn:k"),
            ("gcp_kms", "projects/pkeyRings/k"),
            ("hckms", "region:id"),
            ("azure_kv", "https://v/keys/k/1"),
            ("hc_vault", "http://v:8200/v1/a/b/keys/k"),
        ],
    ]
    assert (rule.shamir_threshold, rule.mac_only_encrypted) == (2, True)
    assert rule.age == (other_keys.public, keys.public)


def test_flat_lists_of_all_kinds_make_one_group(keys: Keys) -> None:
    text = """
    creation_rules:
      - age: KEY
        pgp: "AB CD, EF"
        kms: ["arn:a+arn:r,arn:b"]
        aws_profile: p
        gcp_kms: r
        hckms: ["region:id"]
        azure_keyvault: https://v/keys/k/1
        hc_vault_transit_uri: https://v/v1/transit/keys/k,
    """
    assert named(config(text, keys).rule_for("/repo/a")) == [
        [
            ("age", keys.public),
            ("pgp", "ABCD"),
            ("pgp", "EF"),
            ("kms", "arn:a+arn:r||p"),
            ("kms", "arn:b||p"),
            ("gcp_kms", "r"),
            ("hckms", "region:id"),
            ("azure_kv", "https://v/keys/k/1"),
            ("hc_vault", "https://v/v1/transit/keys/k"),
        ]
    ]


def test_other_recipients_replace_all_keys_of_a_rule(keys: Keys, other_keys: Keys) -> None:
    text = "creation_rules: [{key_groups: [{age: [KEY]}, {pgp: [A]}], shamir_threshold: 2, encrypted_suffix: _s}]"
    rule = config(text, keys).rule_for("/repo/a").with_age([other_keys.public])
    assert named(rule) == [[("age", other_keys.public)]]
    assert rule.shamir_threshold == 0
    assert rule.selector == Selector("encrypted_suffix", "_s")
    with pytest.raises(NoMatchingRuleError):
        rule.with_age([])


@pytest.mark.parametrize("kind", ["encrypted_regex", "unencrypted_regex", "encrypted_comment_regex"])
def test_an_explicit_pattern_outside_of_re2_is_refused(keys: Keys, kind: str) -> None:
    with pytest.raises(UnsupportedError, match=f"parameters.{kind}: the pattern"):
        Rule.of([keys.public], **{kind: "a(?=b)"})


def test_indents_of_the_stores_are_read(keys: Keys) -> None:
    text = "stores: {yaml: {indent: 2}, json: {indent: 0}, json_binary: {}, dotenv: {x: 1}, ini: null}"
    assert config(text).indents == Indents(yaml=2, json=0)
    assert config("creation_rules: []").indents == Indents()


@pytest.mark.parametrize(
    ("stores", "message"),
    [
        ("[]", "stores is not a mapping"),
        ("{yaml: 2}", "yaml is not a mapping"),
        ("{json: {indent: x}}", "json: indent"),
    ],
)
def test_broken_indents_are_refused(stores: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(f"stores: {stores}")
