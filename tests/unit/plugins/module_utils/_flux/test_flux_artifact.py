# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What source-controller leaves out of the artifact."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.artifact import Artifact, Pattern


class Repository(dict):
    """Files in memory."""

    def paths(self):
        return sorted(self)

    def read(self, path):
        return self[path].encode()


def left(spec=None, **files):
    artifact = Artifact(Repository(files), {"spec": spec or {}})
    return artifact.paths()


def test_by_default_pictures_and_configuration_of_tools_stay_behind():
    files = {".sops.yaml": "", "a/.sops.yaml": "", "a/x.png": "", ".github/w.yml": "", "a/x.yaml": "", ".gitignore": ""}
    assert left(**files) == ["a/x.yaml"]


def test_with_a_pattern_of_ones_own_only_those_of_version_control_stay():
    files = {".sops.yaml": "", "x.png": "", "docs/x.md": "", ".gitignore": ""}
    assert left({"ignore": "/docs"}, **files) == [".sops.yaml", "x.png"]
    assert left(**files, **{".sourceignore": "/docs\n# a comment\n\n"}) == [".sops.yaml", ".sourceignore", "x.png"]


def test_later_patterns_take_back_earlier_ones():
    ignore = "/*\n!/deploy\n/deploy/**/*.md\n"
    files = {"deploy/a.yaml": "", "deploy/deep/b.md": "", "other/c.yaml": "", "d.yaml": ""}
    assert left({"ignore": ignore}, **files) == ["deploy/a.yaml"]


def test_an_ignore_file_holds_below_its_folder_and_the_spec_overrules_it():
    files = {"a/.sourceignore": "*.txt\n", "a/x.txt": "", "a/b/y.txt": "", "z.txt": ""}
    assert left(**files) == ["a/.sourceignore", "z.txt"]
    assert left({"ignore": "!x.txt"}, **files) == ["a/.sourceignore", "a/x.txt", "z.txt"]


def test_a_sparse_checkout_has_what_begins_so_and_nothing_on_the_way():
    files = {"x.yaml": "", "a/b/c/d.yaml": "", "a/bc.yaml": "", "a/e.yaml": "", "h/i.yaml": ""}
    assert left({"sparseCheckout": ["a/b"]}, **files) == ["a/b/c/d.yaml", "a/bc.yaml"]
    assert left({"sparseCheckout": ["./a/b/", "h"]}, **files) == ["a/b/c/d.yaml", "h/i.yaml"]
    assert left({"sparseCheckout": ["./"]}, **files) == sorted(files)


def test_what_a_sparse_checkout_does_not_have_ignores_nothing():
    files = {
        ".sourceignore": "*.yaml\n",
        "a/.sourceignore": "*.txt\n",
        "a/.sops.yaml": "",
        "a/x.yaml": "",
        "a/y.txt": "",
    }
    assert left({"sparseCheckout": ["a"]}, **files) == ["a/.sops.yaml", "a/.sourceignore", "a/x.yaml"]
    assert left({"sparseCheckout": ["a/x"]}, **files) == ["a/x.yaml"]


def test_a_bucket_has_one_ignore_file_and_leaves_out_nothing_by_default():
    files = {
        ".sourceignore": "*.txt\n.*\n",
        "a/.sourceignore": "*.yaml\n",
        "a/x.yaml": "",
        "a/y.txt": "",
        "b/z.png": "",
    }
    assert in_bucket({}, **files) == [".sourceignore", "a/x.yaml", "b/z.png"]
    assert in_bucket({"ignore": "!*.txt"}, **files) == [".sourceignore", "a/x.yaml", "a/y.txt", "b/z.png"]
    assert in_bucket({"prefix": "a/"}, **files) == [".sourceignore", "a/x.yaml"]
    assert in_bucket({}, **{".gitignore": "", ".sops.yaml": ""}) == [".gitignore", ".sops.yaml"]


def in_bucket(spec, **files):
    return Artifact(Repository(files), {"kind": "Bucket", "spec": spec}).paths()


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.png", "a/b/x.png", True),
        ("docs", "docs/x.md", True),
        ("docs/", "a/docs/x.md", True),
        ("docs/", "a/docs", False),
        ("/docs", "docs/x.md", True),
        ("/docs", "a/docs/x.md", False),
        ("a/*.yaml", "a/x.yaml", True),
        ("a/*.yaml", "a/b/x.yaml", False),
        ("a/**/x.yaml", "a/b/c/x.yaml", True),
        ("a/**/x.yaml", "a/x.yaml", True),
        ("**/x.yaml", "x.yaml", True),
        ("a/**", "a/b/c", True),
        ("a/**", "b/c", False),
        ("a**/x", "ab/x", False),
        ("[ab].yaml", "b.yaml", True),
        ("[^ab].yaml", "b.yaml", False),
        ("[ab.yaml", "a.yaml", False),
        ("x?.yaml", "x1.yaml", True),
        ("\\*.yaml", "x.yaml", False),
        ("\\*.yaml", "*.yaml", True),
        ("!x.yaml", "x.yaml", True),
        ("x.yaml  ", "x.yaml", True),
    ],
)
def test_patterns_are_those_of_source_controller(pattern, path, matches):
    assert Pattern.parse(pattern).matches(path.split("/")) is matches


def test_files_are_read_once_and_together_where_that_is_possible():
    class Counting(Repository):
        calls = 0

        def read(self, path):
            self.calls += 1
            return super().read(path)

        def read_many(self, paths):
            self.calls += 1
            return [Repository.read(self, path) for path in paths]

    files = Counting({"a": "1", "b": "2"})
    artifact = Artifact(files)
    artifact.prepare(["a", "b"])
    assert (artifact.read("a"), artifact.read("b"), files.calls) == (b"1", b"2", 1)
