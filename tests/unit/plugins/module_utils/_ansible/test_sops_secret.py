# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An encrypted file has the content wanted, for the recipients of its rule, with as little change as can be."""

from __future__ import annotations

import stat

import pytest
import yaml

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_secret import parse_mode, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._surroundings import key_ring
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import damaged

pyrage = pytest.importorskip("pyrage")

SECRET = "canary-secret-1"
CONTENT = {
    "kind": "Secret",
    "metadata": {"name": "database", "replicas": 1},
    "stringData": {"password": SECRET, "port": 5432, "tls": True, "ratio": 1.0, "empty": "", "none": None},
}


def identity() -> tuple[str, str]:
    made = pyrage.x25519.Identity.generate()
    return str(made.to_public()), str(made)


PUBLIC, PRIVATE = identity()
OTHER, _OTHER_PRIVATE = identity()


@pytest.fixture(autouse=True)
def _no_keys_of_the_user(monkeypatch, tmp_path):
    for name in ("SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    rules(folder, PUBLIC)
    return folder


def rules(folder, *recipients: str, regex: str = "^(data|stringData)$") -> None:
    (folder / ".sops.yaml").write_text(
        f"creation_rules:\n  - path_regex: ^apps/\n    encrypted_regex: {regex}\n    age: {','.join(recipients)}\n"
    )


def call(path, content, *, check_mode=False, **params) -> dict:
    given = {"age": None, "age_key": PRIVATE, "age_keyfile": None, "config_path": None, "mode": None, **params}
    return run(Call({"path": str(path), "content": content, **given}, check_mode=check_mode, diff_mode=True))


def plain(path) -> str:
    return document.decrypt(path.read_bytes(), key_ring(PRIVATE), store=store_for(str(path))).decode()


@pytest.fixture
def path(repository):
    return repository / "apps" / "database.yaml"


class TestNewFile:
    def test_it_is_encrypted_by_the_rule_that_covers_it(self, path):
        """Found above the file, folders on the way are made."""
        result = call(path, CONTENT)
        assert (result["changed"], result["reason"], result["recipients"]) == (True, ["created"], [PUBLIC])
        text = path.read_text()
        assert SECRET not in text
        assert "name: database" in text
        assert yaml.safe_load(plain(path)) == CONTENT

    def test_check_mode_writes_nothing(self, path):
        """And predicts the same result."""
        predicted = call(path, CONTENT, check_mode=True)
        assert not path.parent.exists()
        assert call(path, CONTENT) == predicted

    def test_the_diff_shows_no_secret(self, path):
        """Names are shown, values that the rule encrypts are not."""
        diff = call(path, CONTENT)["diff"]
        assert diff["before"] == ""
        assert "password: ***" in diff["after"]
        assert "name: database" in diff["after"]
        assert SECRET not in str(diff)
        assert "5432" not in str(diff)

    def test_a_text_is_kept_as_it_is(self, path):
        """Comments, layout and several documents."""
        text = "# why\nkind:   Secret\nstringData:\n    a: 'x'  # c\n---\nstringData: {b: z}\n"
        call(path, text)
        assert plain(path) == text
        assert not call(path, text)["changed"]

    def test_mode_is_set(self, path):
        """On the file itself, at once."""
        call(path, CONTENT, mode="0600")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_plain_file_is_replaced_by_the_encrypted_one(self, path):
        """Its old content is not shown."""
        path.parent.mkdir()
        path.write_text(f"password: {SECRET}\n")
        result = call(path, CONTENT)
        assert result["reason"] == ["encrypted"]
        assert SECRET not in path.read_text()
        assert SECRET not in str(result)

    def test_recipients_can_be_given_without_any_rule(self, tmp_path):
        """Everything is encrypted then."""
        path = tmp_path / "tokens.yaml"
        result = call(path, {"a": SECRET, "b_unencrypted": "clear"}, age=[f"{PUBLIC},{OTHER}"])
        assert result["recipients"] == [PUBLIC, OTHER]
        assert SECRET not in path.read_text()
        assert "clear" in path.read_text()

    def test_recipients_given_replace_those_of_the_rule(self, path):
        """The selection of values is still the rule's."""
        result = call(path, CONTENT, age=[OTHER])
        assert result["recipients"] == [OTHER]
        assert "name: database" in path.read_text()

    def test_a_configuration_file_can_be_named(self, tmp_path):
        """For a file that does not lie below it."""
        path = tmp_path / "elsewhere.yaml"
        config = tmp_path / "rules.yaml"
        config.write_text(f"creation_rules:\n  - age: {OTHER}\n")
        assert call(path, CONTENT, config_path=str(config))["recipients"] == [OTHER]

    def test_a_mapping_is_indented_as_the_configuration_says(self, path, repository):
        """A text would keep its own layout."""
        with (repository / ".sops.yaml").open("a") as file:
            file.write("stores: {yaml: {indent: 2}}\n")
        call(path, CONTENT)
        assert "\n  name: database\n" in path.read_text()


class TestExistingFile:
    @pytest.fixture(autouse=True)
    def _made(self, path):
        call(path, CONTENT)

    def test_the_same_content_changes_no_byte(self, path):
        """Whatever the order of names."""
        content = path.read_bytes()
        turned = {name: CONTENT[name] for name in reversed(CONTENT)}
        for wanted in (CONTENT, turned, plain(path)):
            result = call(path, wanted)
            assert (result["changed"], result["reason"]) == (False, [])
            assert result["diff"]["before"] == result["diff"]["after"]
        assert path.read_bytes() == content

    def test_a_mapping_with_the_same_values_keeps_text_and_comments(self, path):
        """Data says nothing about layout."""
        call(path, "# why\n" + plain(path))
        content = path.read_bytes()
        assert not call(path, CONTENT)["changed"]
        assert path.read_bytes() == content

    def test_one_changed_value_changes_its_line_alone(self, path):
        """Besides the MAC and its time."""
        before = path.read_text().splitlines()
        wanted = {**CONTENT, "stringData": {**CONTENT["stringData"], "password": "other"}}
        result = call(path, wanted)
        after = path.read_text().splitlines()
        assert result["reason"] == ["content"]
        changed = {old.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new}
        assert changed <= {"password", "mac", "lastmodified"}
        assert "password: *** (changed)" in result["diff"]["after"]
        assert yaml.safe_load(plain(path)) == wanted

    @pytest.mark.parametrize("value", ["5432", 5432.5, True, None])
    def test_another_type_is_another_value(self, path, value):
        """A port as a string is not a port as a number."""
        assert call(path, {**CONTENT, "stringData": {**CONTENT["stringData"], "port": value}})["changed"]

    def test_check_mode_predicts_a_change_and_writes_nothing(self, path):
        """Nor does it touch the file."""
        content, wanted = path.read_bytes(), {**CONTENT, "kind": "Other"}
        predicted = call(path, wanted, check_mode=True)
        assert path.read_bytes() == content
        assert call(path, wanted) == predicted

    def test_recipients_that_deviate_from_the_rule_are_a_change(self, path, repository):
        """The content stays encrypted as it is."""
        before = path.read_text()
        rules(repository, PUBLIC, OTHER)
        result = call(path, CONTENT)
        assert (result["reason"], result["recipients"]) == (["recipients"], [PUBLIC, OTHER])
        assert next(line for line in before.splitlines() if "password" in line) in path.read_text()
        assert not call(path, CONTENT)["changed"]

    def test_a_selection_that_deviates_from_the_rule_is_a_change(self, path, repository):
        """What the rule wants encrypted is encrypted now."""
        rules(repository, PUBLIC, regex="^(stringData|metadata)$")
        assert call(path, CONTENT)["reason"] == ["selector"]
        assert "database" not in path.read_text()

    def test_mode_alone_is_a_change(self, path):
        """The content is not written again."""
        path.chmod(0o644)
        content = path.read_bytes()
        assert call(path, CONTENT, mode="0600", check_mode=True)["reason"] == ["mode"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert call(path, CONTENT, mode=0o600)["reason"] == ["mode"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes() == content
        assert not call(path, CONTENT, mode="0600")["changed"]

    def test_without_any_rule_the_file_keeps_its_recipients(self, path, repository):
        """A file can be edited without a configuration file."""
        (repository / ".sops.yaml").unlink()
        result = call(path, {**CONTENT, "kind": "Other"})
        assert (result["reason"], result["recipients"]) == (["content"], [PUBLIC])

    def test_without_the_private_key_it_cannot_be_compared(self, path):
        """That is an error which says where keys were looked for, and nothing is written."""
        content = path.read_bytes()
        with pytest.raises(FluxseedError, match="SOPS_AGE_KEY_FILE"):
            call(path, CONTENT, age_key=None)
        assert path.read_bytes() == content

    def test_a_key_file_opens_it(self, path, tmp_path):
        """As age-keygen writes it."""
        (tmp_path / "keys.txt").write_text(f"# created: today\n{PRIVATE}\n")
        assert not call(path, CONTENT, age_key=None, age_keyfile=str(tmp_path / "keys.txt"))["changed"]

    def test_a_tampered_file_is_not_overwritten(self, path):
        """A MAC that does not fit is an error, whatever content is wanted."""
        text = path.read_text().replace("name: database", "name: other")
        path.write_text(text)
        with pytest.raises(FluxseedError, match="MAC"):
            call(path, CONTENT)
        assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "name", "params", "message"),
    [
        (CONTENT, "infrastructure/a.yaml", {}, "no creation rule matches infrastructure/a.yaml"),
        ([CONTENT], "apps/a.yaml", {}, "content: a mapping, or the text of a file"),
        (17, "apps/a.yaml", {}, "content: a mapping"),
        (CONTENT, "apps/a.yaml", {"mode": "u=rw"}, "mode: an octal number in quotes"),
        (CONTENT, "apps/a.yaml", {"age": [damaged(PUBLIC)]}, "age"),
        (CONTENT, "apps/a.yaml", {"config_path": "/nowhere/rules.yaml"}, "/nowhere/rules.yaml: cannot read"),
        (CONTENT, "apps/a.yaml", {"age_keyfile": "/nowhere/keys.txt"}, "/nowhere/keys.txt: cannot read"),
        (f"a: [{SECRET}\n", "apps/a.yaml", {}, "apps/a.yaml"),
        (f"sops: {SECRET}\n", "apps/a.yaml", {}, "sops"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(repository, content, name, params, message):
    """The message says what to look at, and holds no value."""
    before = sorted(repository.rglob("*"))
    with pytest.raises(FluxseedError, match=message) as caught:
        call(repository / name, content, **params)
    assert SECRET not in str(caught.value)
    assert sorted(repository.rglob("*")) == before


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("0600", 0o600), ("600", 0o600), ("0o640", 0o640), (0o644, 0o644)]
)
def test_modes_are_octal(value, expected):
    """As text, or as the number that YAML made of it."""
    assert parse_mode(value) == expected


@pytest.mark.parametrize("value", ["", "rw", "0900", -1, True, 1.5, 0o17777])
def test_other_modes_are_refused(value):
    """Nothing is guessed."""
    with pytest.raises(FluxseedError, match="octal"):
        parse_mode(value)
