# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crosses the border to Ansible is plain going in and without secrets coming out."""

from __future__ import annotations

import datetime as dt

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import border
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    FluxseedError,
    InvalidInputError,
    MissingLibraryError,
)

SPEC = {
    "path": {"type": "path"},
    "password": {"type": "str", "no_log": True},
    "keys": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str"}, "content": {"type": "str", "no_log": True}},
    },
    "tokens": {"type": "list", "elements": "str", "no_log": True},
    "content": {"type": "raw", "no_log": True},
    "credentials": {
        "type": "dict",
        "options": {"username": {"type": "str"}, "password": {"type": "str", "no_log": True}},
    },
}


class Text(str):
    __slots__ = ()

    def __str__(self):  # pylint: disable=invalid-str-returned  # what a tagged string does
        return self


class Number(int):
    pass


class TestPlain:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, None),
            (True, True),
            (Text("a"), "a"),
            (Number(3), 3),
            (1.5, 1.5),
            ((Text("a"), 1), ["a", 1]),
            ({Text("a"): [{Text("b"): Text("c")}]}, {"a": [{"b": "c"}]}),
            (dt.date(2026, 1, 2), "2026-01-02"),
            (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        ],
    )
    def test_values_become_exact_built_in_types(self, value, expected):
        """Subclasses are copied into what they are subclasses of, at every depth."""
        result = border.plain(value)
        assert result == expected
        assert type(result) is type(expected)

    def test_strings_inside_are_exact_too(self):
        """No emitter meets a tagged string."""
        result = border.plain({Text("a"): [Text("b")]})
        assert {type(key) for key in result} == {str}
        assert {type(item) for item in result["a"]} == {str}

    def test_other_objects_are_refused(self):
        """What has no plain form is an error, not a guess."""
        with pytest.raises(InvalidInputError, match="type object"):
            border.plain([object()])


class TestMasking:
    def test_texts_of_secret_options_are_looked_for_at_every_depth(self):
        """Strings, lists of strings and options of options count."""
        params = {
            "password": "long-password",
            "keys": [{"name": "age.agekey", "content": "private-key-text"}],
            "tokens": ["token-number-1", None],
            "credentials": {"username": "a-long-username", "password": "other-password"},
        }
        expected = {"long-password", "private-key-text", "token-number-1", "other-password"}
        assert border.secret_values(SPEC, params) == expected

    def test_short_values_are_not_looked_for(self):
        """A password "1" would turn every count into asterisks."""
        assert border.secret_values(SPEC, {"password": "1234567", "tokens": ["1", "kind"]}) == set()

    def test_parts_of_a_mapping_are_not_looked_for(self):
        """A whole manifest mixes secrets with words that stand everywhere."""
        assert (
            border.secret_values(SPEC, {"content": {"namespace": "production", "password": "long-password"}}) == set()
        )

    def test_what_another_option_shows_is_no_secret(self):
        """A password that is part of a path given in clear would only spoil the path."""
        params = {"path": "/srv/production/a", "password": "production", "tokens": ["productions"]}
        assert border.secret_values(SPEC, params) == {"productions"}

    def test_surrounding_white_space_does_not_hide_a_secret(self):
        """A key read from a file ends in a line break, in a message it does not."""
        assert border.secret_values(SPEC, {"password": "long-password\n"}) == {"long-password\n", "long-password"}

    def test_secrets_are_replaced_in_texts_only(self):
        """Flags, numbers and other texts come through as they are."""
        result = {"changed": True, "msg": "x long-password y", "n": 1, "list": [{"a": "long-password"}], "none": None}
        assert border.masked(result, {"long-password"}) == {
            "changed": True,
            "msg": "x ******** y",
            "n": 1,
            "list": [{"a": border.HIDDEN}],
            "none": None,
        }

    def test_a_private_age_key_is_replaced_wherever_it_comes_from(self):
        """People do put one where a public key is due."""
        key = "AGE-SECRET-KEY-1QQQQQQQQQQ"
        assert border.masked({"age": [f"a {key}, b"]}, set()) == {"age": ["a ********, b"]}
        assert border.masked({"msg": "starts with AGE-SECRET-KEY-1"}, set()) == {"msg": "starts with AGE-SECRET-KEY-1"}

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a {begin}\n\nlFgE\n=x\n{end} b", "a ******** b"),
            ("a {begin}\\n\\nlFgE\\n{end} b", "a ******** b"),
            ("a {begin}\nlFgE, cut off", "a ********"),
            ("starts with {begin}; give one", "starts with {begin}; give one"),
        ],
    )
    def test_a_private_pgp_key_is_replaced_too(self, text, shown):
        """All of it, and not the words of a message about such keys."""
        marks = {"begin": "-----BEGIN PGP PRIVATE KEY BLOCK-----", "end": "-----END PGP PRIVATE KEY BLOCK-----"}
        assert border.masked({"msg": text.format(**marks)}, set()) == {"msg": shown.format(**marks)}
        ssh = {name: mark.replace("PGP", "OPENSSH").replace(" BLOCK", "") for name, mark in marks.items()}
        assert border.masked({"msg": text.format(**ssh)}, set()) == {"msg": shown.format(**ssh)}

    def test_parameters_are_shown_without_secrets(self):
        """What -vvv shows has the form of the parameters."""
        params = {
            "path": "/a",
            "password": "p",
            "keys": [{"name": "n", "content": "c"}],
            "content": {"a": 1},
            "tokens": None,
            "credentials": {"username": "u", "password": "p"},
        }
        assert border.shown_params(SPEC, params) == {
            "path": "/a",
            "password": border.HIDDEN,
            "keys": [{"name": "n", "content": border.HIDDEN}],
            "content": border.HIDDEN,
            "tokens": None,
            "credentials": {"username": "u", "password": border.HIDDEN},
        }

    @pytest.mark.parametrize(
        ("spec", "expected"), [({}, False), ({"a": {}}, False), ({"a": {"options": {"b": {"no_log": True}}}}, True)]
    )
    def test_a_module_with_secrets_is_known(self, spec, expected):
        """At any depth."""
        assert border.has_secrets(spec) is expected


class TestGuarded:
    def test_an_error_is_a_failed_result_with_its_parts(self):
        """Programs find where and hint, people the whole message."""

        def run(_call):
            raise FluxseedError("broken", where="a.yml, line 3", hint="repair it")

        assert border.guarded(run, Call({})) == {
            "failed": True,
            "msg": "a.yml, line 3: broken (repair it)",
            "where": "a.yml, line 3",
            "hint": "repair it",
        }

    def test_a_missing_library_is_named(self):
        """So that a play can install it."""

        def run(_call):
            raise MissingLibraryError("pyrage")

        assert border.guarded(run, Call({}))["library"] == "pyrage"

    def test_an_unexpected_error_says_where_and_nothing_of_its_message(self):
        """The message of a foreign exception may hold a value."""

        def run(_call):
            return int("canary-5f1d")

        result = border.guarded(run, Call({}))
        assert result["failed"]
        assert "unexpected ValueError at test_border.py:" in result["msg"]
        assert "canary" not in str(result)
