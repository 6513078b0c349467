# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line takes the flags of sops and leaves with its exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils import _errors
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.messages import describe
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.private_texts import (
    AROUND,
    told_of,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.private_texts import (
    PRIVATE as PRIVATE_TEXTS,
)

pyrage = pytest.importorskip("pyrage")

SECRET = "canary-secret-1"
PLAIN = f"# why\nkind: Secret\nstringData:\n    password: {SECRET}   # note\n    n: 1\n"
IDENTITY = pyrage.x25519.Identity.generate()
PRIVATE, PUBLIC = str(IDENTITY), str(IDENTITY.to_public())
OTHER = str(pyrage.x25519.Identity.generate().to_public())


class Input(io.BytesIO):
    """Standard input, piped in or a terminal."""

    def __init__(self, content: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(content)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a rule, and a key in the environment."""
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("SOPS_AGE_KEY", PRIVATE)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / ".sops.yaml").write_text(
        f"creation_rules:\n  - path_regex: ^apps/\n    encrypted_regex: ^stringData$\n    age: {PUBLIC}\n"
        f"  - path_regex: \\.yaml$\n    age: {PUBLIC}\n"
    )
    (folder / "apps").mkdir()
    (folder / "apps" / "a.yaml").write_text(PLAIN)
    (folder / "a.yaml").write_text(PLAIN)
    return folder


def fluxseed(*arguments: str, stdin: bytes | None = None) -> SimpleNamespace:
    """Run the command line in process."""
    out, err = io.BytesIO(), io.StringIO()
    streams = Streams(Input(terminal=True) if stdin is None else Input(stdin), out, err)
    code = main(arguments, streams)
    return SimpleNamespace(code=code, out=out.getvalue().decode(), err=err.getvalue())


@pytest.mark.usefixtures("folder")
class TestRoundTrip:
    @pytest.mark.parametrize("name", ["a.yaml", "apps/a.yaml"])
    def test_decrypt_gives_back_what_encrypt_took(self, folder, name):
        """Byte for byte, in place."""
        assert fluxseed("encrypt", "-i", name).code == 0
        assert SECRET not in (folder / name).read_text()
        assert fluxseed("decrypt", "--in-place", name).code == 0
        assert (folder / name).read_text() == PLAIN

    def test_the_result_goes_to_standard_output(self, folder):
        """And the file stays."""
        result = fluxseed("encrypt", "apps/a.yaml")
        assert (result.code, result.err) == (0, "")
        assert "kind: Secret" in result.out
        assert SECRET not in result.out
        assert (folder / "apps" / "a.yaml").read_text() == PLAIN

    def test_standard_input_takes_its_rule_from_the_name_given(self):
        """In a pipe, in both directions."""
        encrypted = fluxseed("encrypt", "--filename-override", "apps/new.yaml", stdin=PLAIN.encode())
        assert "encrypted_regex: ^stringData$" in encrypted.out
        decrypted = fluxseed(
            "decrypt", "--input-type", "yaml", "--output-type", "yaml", "-", stdin=encrypted.out.encode()
        )
        assert (decrypted.code, decrypted.out) == (0, PLAIN)

    def test_output_writes_a_file(self, folder):
        """What is decrypted is for its owner only, what is encrypted is a file like any other."""
        umask = os.umask(0o022)
        try:
            assert fluxseed("encrypt", "--output", "b.yaml", "a.yaml").out == ""
            assert fluxseed("decrypt", "--output", "c.yaml", "b.yaml").out == ""
        finally:
            os.umask(umask)
        assert (folder / "c.yaml").read_text() == PLAIN
        assert stat.S_IMODE((folder / "b.yaml").stat().st_mode) == 0o644
        assert stat.S_IMODE((folder / "c.yaml").stat().st_mode) == 0o600

    def test_in_place_keeps_the_mode(self, folder):
        """Whatever it is."""
        (folder / "a.yaml").chmod(0o640)
        fluxseed("encrypt", "-i", "a.yaml")
        fluxseed("decrypt", "-i", "a.yaml")
        assert stat.S_IMODE((folder / "a.yaml").stat().st_mode) == 0o640

    def test_type_can_be_given_where_the_name_does_not_tell(self, folder):
        """For a name without a known ending."""
        (folder / "secret").write_text(PLAIN)
        assert (
            fluxseed(
                "encrypt", "--input-type", "yaml", "--config", ".sops.yaml", "--filename-override", "a.yaml", "secret"
            ).code
            == 0
        )

    def test_the_mac_is_checked_unless_told_otherwise(self, folder):
        """Nothing is printed before."""
        fluxseed("encrypt", "-i", "apps/a.yaml")
        file = folder / "apps" / "a.yaml"
        file.write_text(file.read_text().replace("kind: Secret", "kind: Other"))
        refused = fluxseed("decrypt", "apps/a.yaml")
        assert (refused.code, refused.out) == (51, "")
        assert refused.err.startswith("Error: MAC mismatch")
        assert f"password: {SECRET}" in fluxseed("decrypt", "--ignore-mac", "apps/a.yaml").out


@pytest.mark.usefixtures("folder")
class TestRules:
    def test_recipients_on_the_command_line_replace_those_of_the_rule(self):
        """The selection of values is still the rule's."""
        out = fluxseed("encrypt", "--age", f"{OTHER}, {PUBLIC}", "apps/a.yaml").out
        assert re.findall(r"recipient: (\S+)", out) == [OTHER, PUBLIC]
        assert "encrypted_regex: ^stringData$" in out

    def test_recipients_and_config_come_from_the_environment_too(self, monkeypatch, tmp_path):
        """Under the names of sops."""
        monkeypatch.setenv("SOPS_AGE_RECIPIENTS", OTHER)
        assert f"recipient: {OTHER}" in fluxseed("encrypt", "a.yaml").out
        (tmp_path / "rules.yaml").write_text(f"creation_rules:\n  - age: {PUBLIC}\n    unencrypted_suffix: _clear\n")
        monkeypatch.setenv("SOPS_CONFIG", str(tmp_path / "rules.yaml"))
        assert "unencrypted_suffix: _clear" in fluxseed("encrypt", "a.yaml").out

    @pytest.mark.parametrize(
        ("flags", "selector"),
        [
            (["--encrypted-regex", "^password$"], "encrypted_regex: ^password$"),
            (["--unencrypted-suffix", "_plain"], "unencrypted_suffix: _plain"),
        ],
    )
    def test_a_selector_on_the_command_line_counts(self, flags, selector):
        """Over the default of the rule."""
        assert selector in fluxseed("encrypt", *flags, "a.yaml").out

    def test_without_configuration_recipients_suffice(self, folder):
        """As in sops."""
        (folder / ".sops.yaml").unlink()
        assert fluxseed("encrypt", "--age", PUBLIC, "a.yaml").code == 0

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["--encrypted-regex", "a", "--unencrypted-suffix", "b", "a.yaml"], 8, "cannot use more than one of"),
            (
                ["--unencrypted-suffix", "b", "apps/a.yaml"],
                8,
                "cannot be combined with the encrypted_regex of the rule",
            ),
            (["--age", PUBLIC, "--filename-override", "other.yml", "a.yaml"], 1, "no creation rule matches other.yml"),
            (["--age", "age1nonsense", "a.yaml"], 1, "--age"),
            (["--config", "nowhere.yaml", "a.yaml"], 1, "nowhere.yaml"),
        ],
    )
    def test_rules_that_do_not_fit_are_refused(self, arguments, code, message):
        """With the exit code of sops."""
        result = fluxseed("encrypt", *arguments)
        assert (result.code, result.out) == (code, "")
        assert message in result.err

    def test_the_configuration_is_looked_for_from_the_working_directory(self, folder):
        """Not from the file: one that is nearer to it does not count, as in sops."""
        (folder / "apps" / ".sops.yaml").write_text(f"creation_rules:\n  - age: {OTHER}\n")
        assert OTHER not in fluxseed("encrypt", "apps/a.yaml").out

    def test_without_configuration_and_recipients_the_message_is_that_of_sops(self, folder):
        """Scripts look for it."""
        (folder / ".sops.yaml").unlink()
        result = fluxseed("encrypt", "a.yaml")
        assert result.code == 1
        assert result.err.startswith("Error: config file not found, or has no creation rules, and no keys provided")


@pytest.mark.usefixtures("folder")
class TestConversion:
    def test_the_output_type_is_that_asked_for(self, folder):
        """As `--input-type` and `--output-type` of sops: the content goes over, the text is made anew."""
        sealed = fluxseed("encrypt", "--output-type", "json", "a.yaml")
        assert sealed.code == 0
        assert list(json.loads(sealed.out)) == ["kind", "stringData", "sops"]
        (folder / "a.json").write_text(sealed.out)
        plain = fluxseed("decrypt", "--output-type", "yaml", "a.json")
        # sops quotes the name n, which older readers of YAML take for false.
        assert plain.out == f'kind: Secret\nstringData:\n    password: {SECRET}\n    "n": 1\n'

    def test_what_is_written_anew_is_indented_as_the_configuration_says(self, folder):
        """What keeps its format keeps its layout."""
        with (folder / ".sops.yaml").open("a") as file:
            file.write("stores: {yaml: {indent: 2}, json: {indent: 3}, json_binary: {indent: 1}}\n")
        sealed = fluxseed("encrypt", "--output-type", "json", "a.yaml").out
        assert '\n   "stringData": {\n      "password": ' in sealed
        (folder / "a.json").write_text(sealed)
        assert "\n  password: " in fluxseed("decrypt", "--output-type", "yaml", "a.json").out
        assert "\n    password: " in fluxseed("encrypt", "a.yaml").out
        assert fluxseed("encrypt", "--input-type", "binary", "a.yaml").out.startswith('{\n "data": ')

    def test_an_unknown_type_counts_as_none(self):
        assert fluxseed("encrypt", "--output-type", "toml", "a.yaml").out.startswith("# why\n") is False
        assert fluxseed("encrypt", "--output-type", "toml", "a.yaml").out.startswith("#ENC[")


@pytest.mark.usefixtures("folder")
class TestExtract:
    def test_one_value_is_printed_as_it_is(self):
        """No line break is added to a string."""
        fluxseed("encrypt", "-i", "a.yaml")
        assert fluxseed("decrypt", "--extract", '["stringData"]["password"]', "a.yaml").out == SECRET
        assert fluxseed("decrypt", "--extract", '["stringData"]["n"]', "a.yaml").out == "1\n"

    @pytest.mark.parametrize(
        ("path", "code"),
        [('["nothing"]', 1), ("nothing", 91), ('["kind"]["x"]', 1)],
        ids=["missing", "syntax", "below"],
    )
    def test_what_is_not_there_has_the_exit_code_of_sops(self, path, code):
        fluxseed("encrypt", "-i", "a.yaml")
        result = fluxseed("decrypt", "--extract", path, "a.yaml")
        assert (result.code, result.out) == (code, "")
        assert SECRET not in result.err


@pytest.mark.usefixtures("folder")
class TestSet:
    @pytest.fixture(autouse=True)
    def _encrypted(self, folder):  # noqa: ARG002  (the folder has to be there first)
        assert fluxseed("encrypt", "-i", "a.yaml").code == 0

    def test_only_the_line_of_the_value_changes(self, folder):
        before = (folder / "a.yaml").read_text().splitlines()
        assert fluxseed("set", "a.yaml", '["stringData"]["password"]', '"new"').code == 0
        after = (folder / "a.yaml").read_text().splitlines()
        changed = {line.strip().partition(":")[0] for line in set(after) - set(before)}
        assert changed - {"lastmodified"} == {"password", "mac"}
        assert fluxseed("decrypt", "a.yaml").out == PLAIN.replace(SECRET, "new")

    @pytest.mark.parametrize("source", ["stdin", "file"])
    def test_the_value_need_not_be_in_the_list_of_processes(self, folder, source):
        if source == "stdin":
            result = fluxseed("set", "--value-stdin", "a.yaml", '["stringData"]["password"]', stdin=b'"quiet"')
        else:
            (folder / "value.json").write_text('"quiet"')
            result = fluxseed("set", "--value-file", "a.yaml", '["stringData"]["password"]', "value.json")
        assert (result.code, result.out, result.err) == (0, "", "")
        assert fluxseed("decrypt", "--extract", '["stringData"]["password"]', "a.yaml").out == "quiet"

    def test_the_same_value_leaves_the_file(self, folder):
        before = (folder / "a.yaml").read_bytes()
        assert fluxseed("set", "a.yaml", '["stringData"]["password"]', f'"{SECRET}"').code == 0
        assert (folder / "a.yaml").read_bytes() == before

    def test_what_is_no_json_is_refused_and_not_shown(self, folder):
        before = (folder / "a.yaml").read_bytes()
        result = fluxseed("set", "a.yaml", '["stringData"]["password"]', "canary-without-quotes")
        assert result.code == 7
        assert "canary" not in result.err
        assert (folder / "a.yaml").read_bytes() == before


@pytest.mark.usefixtures("folder")
class TestSelectors:
    @pytest.mark.parametrize(
        ("option", "pattern", "secret"),
        [
            ("--encrypted-suffix", "word", {"password"}),
            ("--unencrypted-regex", "^(kind|n)$", {"password"}),
            ("--encrypted-regex", "^n$", {"n"}),
            ("--unencrypted-suffix", "Data", {"kind"}),
            ("--encrypted-comment-regex", "note", {"password"}),
            ("--unencrypted-comment-regex", "note", {"kind", "n"}),
        ],
    )
    def test_each_of_them_is_an_option(self, option, pattern, secret):
        out = fluxseed("encrypt", "--age", PUBLIC, option, pattern, "a.yaml").out
        values = out.partition("\nsops:")[0]
        assert set(re.findall(r"(\w+): ENC\[", values)) == secret

    def test_two_of_them_exclude_each_other(self):
        result = fluxseed("encrypt", "--encrypted-regex", "a", "--unencrypted-regex", "b", "a.yaml")
        assert result.code == 8
        assert "--unencrypted-regex and --encrypted-regex" in result.err

    def test_clear_values_may_be_changed_by_hand_if_the_mac_leaves_them_out(self, folder):
        options = ("--age", PUBLIC, "--encrypted-regex", "^stringData$", "--mac-only-encrypted")
        out = fluxseed("encrypt", *options, "a.yaml").out
        (folder / "b.yaml").write_text(out.replace("kind: Secret", "kind: Other"))
        assert "kind: Other" in fluxseed("decrypt", "b.yaml").out


@pytest.mark.usefixtures("folder")
class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "stdin", "code", "message"),
        [
            (["encrypt"], None, 100, "Error: no file specified"),
            (["encrypt", "nowhere.yaml"], None, 100, 'Error: cannot operate on non-existent file "nowhere.yaml"'),
            (["decrypt", "a.yaml"], None, 1, "Error: sops metadata not found"),
            (["encrypt", "-i", "--output", "b", "a.yaml"], None, 8, "cannot operate on both --output and --in-place"),
            (
                ["encrypt", "-i", "--filename-override", "a.yaml"],
                b"a: 1\n",
                8,
                "standard input cannot be changed in place",
            ),
            (["decrypt"], b"a: 1\n", 100, "--filename-override"),
            (["encrypt", "--filename-override", "x.yaml"], b"", 92, "standard input"),
            (["encrypt", "--filename-override", "x.yaml"], b"a: [\n", 2, "standard input"),
            (["encrypt", "--filename-override", "apps/x.json"], b"[]", 2, "standard input"),
            (["encrypt", "--output-type", "dotenv", "--age", PUBLIC, "a.yaml"], None, 4, "a.yaml"),
            (["set", "nowhere.yaml", '["a"]', "1"], None, 100, "nowhere.yaml"),
            (["set", "a.yaml", '["a"]'], None, 100, "no value is given"),
            (["set", "a.yaml", '["a"]', '"x"', "--value-stdin"], b'"y"', 8, "given twice"),
            (["set", "a.yaml", "a", "1"], None, 7, "does not end with ]"),
            (["encrypt", "--output", "nowhere/b.yaml", "a.yaml"], None, 3, "nowhere/b.yaml"),
            (["decrypt", "--output", "apps", "apps/a.yaml"], None, 1, "sops metadata not found"),
        ],
    )
    def test_what_cannot_be_done_has_the_exit_code_of_sops(self, arguments, stdin, code, message):
        """Nothing goes to standard output, and no value to standard error."""
        result = fluxseed(*arguments, stdin=stdin)
        assert (result.code, result.out) == (code, "")
        assert message in result.err
        assert SECRET not in result.err
        assert "Traceback" not in result.err

    def test_an_encrypted_file_is_not_encrypted_again(self):
        """Exit code 203."""
        fluxseed("encrypt", "-i", "a.yaml")
        result = fluxseed("encrypt", "-i", "a.yaml")
        assert result.code == 203
        assert "top-level entry called 'sops'" in result.err

    def test_a_missing_key_says_where_keys_were_looked_for(self, monkeypatch):
        """Exit code 128, the headline of sops, and a next step."""
        fluxseed("encrypt", "-i", "a.yaml")
        monkeypatch.delenv("SOPS_AGE_KEY")
        result = fluxseed("decrypt", "a.yaml")
        assert (result.code, result.out) == (128, "")
        assert result.err.startswith("Error: Failed to get the data key required to decrypt the SOPS file.\n")
        assert "a.yaml" in result.err
        assert "SOPS_AGE_KEY_FILE" in result.err
        assert "\nHint: " in result.err

    def test_a_failed_write_in_place_leaves_the_file(self, folder, monkeypatch):
        """Old or new, never half."""

        def fail(*_args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        result = fluxseed("encrypt", "-i", "a.yaml")
        assert result.code == 3
        assert (folder / "a.yaml").read_text() == PLAIN

    @pytest.mark.parametrize(
        "arguments",
        [
            ["encrypt", "-i", "a.yaml"],
            ["decrypt", "-i", "sealed.yaml"],
            ["set", "sealed.yaml", '["kind"]', f'"{SECRET}"'],
            ["decrypt", "--output", "new.yaml", "sealed.yaml"],
        ],
        ids=lambda arguments: " ".join(arguments[:2]),
    )
    def test_a_folder_that_nothing_can_be_written_to_leaves_everything(self, arguments, folder, monkeypatch):
        """Modes do not stop root, so the system calls say what they would say to others."""
        sealed = fluxseed("encrypt", "a.yaml").out
        (folder / "sealed.yaml").write_text(sealed)
        before = sorted(folder.iterdir())
        open_file = os.open

        def refuse(path, flags, *more, **named):
            if flags & os.O_CREAT:
                raise PermissionError(13, "Permission denied", path)
            return open_file(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", refuse)
        result = fluxseed(*arguments)
        monkeypatch.undo()
        assert (result.code, result.out) == (3, "")
        assert "Permission denied" in result.err or "permission" in result.err
        assert SECRET not in result.err
        assert sorted(folder.iterdir()) == before
        assert (folder / "sealed.yaml").read_text() == sealed
        assert (folder / "a.yaml").read_text() == PLAIN

    def test_a_file_is_no_folder(self, folder):
        """Nor does a place that cannot be take anything with it."""
        fluxseed("encrypt", "-i", "a.yaml")
        sealed = (folder / "a.yaml").read_text()
        result = fluxseed("decrypt", "--output", "a.yaml/x.yaml", "a.yaml")
        assert (result.code, result.out) == (3, "")
        assert SECRET not in result.err
        assert (folder / "a.yaml").read_text() == sealed

    @pytest.mark.parametrize("arguments", [[], ["unknown"], ["encrypt", "--unknown", "a.yaml"], ["encrypt", "a", "b"]])
    def test_a_wrong_command_line_leaves_with_1(self, arguments, capsys):
        """2 means something else in sops."""
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 1
        assert "Error: " in capsys.readouterr().err


def _rule(text: str, name: str) -> dict[str, str]:
    Path(".sops.yaml").write_text(json.dumps({"creation_rules": [{"age": PUBLIC, name: text}]}))
    return {}


def _broken(text: str) -> dict[str, str]:
    Path(".sops.yaml").write_text(f"{text}: [\n")
    return {}


def _entry(text: str, kind: str, name: str) -> dict[str, str]:
    entry = {name: text, "enc": "x", "created_at": "2026-01-02T03:04:05Z"}
    metadata = {
        kind: [entry],
        "lastmodified": "2026-01-02T03:04:05Z",
        "mac": "ENC[AES256_GCM,data:x]",
        "version": "3.9.0",
    }
    Path("b.json").write_text(json.dumps({"a": "ENC[AES256_GCM,data:x]", "sops": metadata}))
    return {}


def _nothing(_text: str) -> dict[str, str]:
    return {}


# What is prepared, which may give variables of the environment, and the command line.
WRONG_PLACES = {
    "--age": (_nothing, ["encrypt", "--age", "{}", "a.yaml"]),
    "SOPS_AGE_RECIPIENTS": (lambda text: {"SOPS_AGE_RECIPIENTS": text}, ["encrypt", "a.yaml"]),
    **{
        f"{name} of a rule": (lambda text, name=name: _rule(text, name), ["encrypt", "a.yaml"])
        for name in ("age", "pgp", "kms", "gcp_kms", "azure_keyvault", "hc_vault_transit_uri", "path_regex")
    },
    "a broken configuration": (_broken, ["encrypt", "a.yaml"]),
    **{
        f"{name} of {kind} in a file": (
            lambda text, kind=kind, name=name: _entry(text, kind, name),
            ["decrypt", "b.json"],
        )
        for kind, name in (("age", "recipient"), ("pgp", "fp"), ("kms", "arn"), ("gcp_kms", "resource_id"))
    },
    "SOPS_AGE_KEY_FILE": (lambda text: {"SOPS_AGE_KEY": "", "SOPS_AGE_KEY_FILE": text}, ["decrypt", "sealed.yaml"]),
    "SOPS_AGE_KEY_CMD": (lambda text: {"SOPS_AGE_KEY": "", "SOPS_AGE_KEY_CMD": text}, ["decrypt", "sealed.yaml"]),
    "SOPS_DECRYPTION_ORDER": (lambda text: {"SOPS_DECRYPTION_ORDER": f"{text},{text}"}, ["decrypt", "sealed.yaml"]),
    "a name of a file": (_nothing, ["decrypt", "{}"]),
    "a second name": (_nothing, ["decrypt", "sealed.yaml", "{}"]),
    "a verb": (_nothing, ["{}"]),
    "--config": (_nothing, ["encrypt", "--config", "{}", "a.yaml"]),
    "--extract": (_nothing, ["decrypt", "--extract", '["{}"]', "sealed.yaml"]),
    "a path to set": (_nothing, ["set", "sealed.yaml", '["{}"', "1"]),
    "a value to set": (_nothing, ["set", "sealed.yaml", '["a"]', "[{}"]),
}


class TestPrivateKeysInWrongPlaces:
    """People do put them there; standard error is kept in logs."""

    @pytest.mark.parametrize("around", ["nothing", "a BOM", "quotes", "a comment", "an SSH type", "a recipient"])
    @pytest.mark.parametrize("place", WRONG_PLACES)
    def test_nothing_of_them_is_told(self, folder, monkeypatch, capsys, place, around):
        (folder / "sealed.yaml").write_text(fluxseed("encrypt", "a.yaml").out)
        prepare, arguments = WRONG_PLACES[place]
        for form, key in PRIVATE_TEXTS.items():
            for case in (key, key.lower()):
                text = AROUND[around].format(case)
                for name, value in prepare(text).items():
                    monkeypatch.setenv(name, value)
                try:
                    result = fluxseed(*(argument.replace("{}", text) for argument in arguments))
                    code, told = result.code, result.err
                except SystemExit as exc:
                    code, told = exc.code, capsys.readouterr().err
                assert (code != 0, "Error: " in told) == (True, True), form
                assert told_of(key, told) == [], form
                assert "Traceback" not in told

    def test_an_unexpected_error_tells_its_kind_and_place_only(self, monkeypatch):
        def fail(_self):
            raise ValueError(PRIVATE)

        monkeypatch.setattr(Streams, "read", fail)
        result = fluxseed("decrypt", "--input-type", "yaml", stdin=b"")
        assert (result.code, result.out) == (1, "")
        assert re.fullmatch(
            r"Error: unexpected ValueError at test_command_line[.]py:\d+ in fail\nHint: this is a bug.*\n", result.err
        )

    @pytest.mark.usefixtures("folder")
    def test_a_system_that_fails_says_why(self, monkeypatch):
        """A full disk behind standard output, for example."""

        def fail(_self):
            raise OSError(28, "No space left on device", PRIVATE)

        monkeypatch.setattr(Streams, "flush", fail)
        result = fluxseed("encrypt", "a.yaml")
        assert result.code == 1
        assert result.err.endswith(": No space left on device\n")
        assert PRIVATE not in result.err


@pytest.mark.parametrize("arguments", [["--help"], ["encrypt", "--help"], ["decrypt", "--help"]])
def test_help_is_there(arguments, capsys):
    """For the whole and for each verb."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "usage: fluxseed" in capsys.readouterr().out


def test_the_version_is_that_of_the_collection(capsys):
    """One place states it."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"fluxseed \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_an_interruption_leaves_with_130(monkeypatch):
    """Ctrl-C is no traceback."""

    def interrupt(_self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Streams, "read", interrupt)
    assert fluxseed("decrypt", "--input-type", "yaml", stdin=b"").code == 130


def test_a_hint_has_a_line_of_its_own():
    """The headline of sops first, then what it is about."""
    error = _errors.MacMismatchError("values were changed", where="a.yaml", hint="restore it")
    assert describe(error) == "Error: MAC mismatch\na.yaml: values were changed\nHint: restore it\n"
    assert describe(_errors.FluxseedError("broken")) == "Error: broken\n"


MODULE = main.__module__


def _environment() -> dict[str, str]:
    """Let a process of its own find the collection where this one has it from."""
    root = Path(sys.modules[MODULE].__file__).parents[6]
    return {**os.environ, "PYTHONPATH": str(root)}


def _command(*arguments: str, **keywords) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", MODULE, *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=_environment(), **keywords)


@pytest.mark.usefixtures("folder")
def test_it_works_as_a_process():
    """Real standard input and output, real exit code."""
    encrypted = _command("encrypt", "--filename-override", "apps/x.yaml", input=PLAIN.encode())
    assert (encrypted.returncode, encrypted.stderr) == (0, b"")
    decrypted = _command("decrypt", "--input-type", "yaml", "/dev/stdin", input=encrypted.stdout)
    assert (decrypted.returncode, decrypted.stdout.decode()) == (0, PLAIN)
    assert _command("decrypt", "nowhere.yaml").returncode == 100


@pytest.mark.usefixtures("folder")
def test_a_reader_that_has_enough_is_no_error():
    """`fluxseed decrypt … | head -1` ends in silence."""
    with open("big.yaml", "w", encoding="utf-8") as file:  # noqa: PTH123 - in the working directory
        file.write("".join(f"key{number}: '{'x' * 200}'\n" for number in range(2000)))
    assert fluxseed("encrypt", "-i", "big.yaml").code == 0
    with subprocess.Popen(
        [sys.executable, "-m", MODULE, "decrypt", "big.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_nothing_of_ansible_is_imported():
    """The command line works, and starts quickly, without ansible-core."""
    code = (
        "import sys\n"
        "from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli import main, decrypt, encrypt, files, rules\n"
        "from ansible_collections.fluxseed.gitops.plugins.module_utils import _surroundings\n"
        "print([name for name in sys.modules if name == 'ansible' or name.startswith('ansible.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=_environment())
    assert done.stdout == b"[]\n"
