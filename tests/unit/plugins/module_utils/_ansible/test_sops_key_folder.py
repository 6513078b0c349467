# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key file is written, given away and removed where its path leads, and nowhere that somebody else leads it to."""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.key_places.folder import KeyFolder
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import ARGUMENT_SPEC, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FileAccessError, FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._files import KEEP

pytest.importorskip("pyrage")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
SOMEBODY = 12345
KEPT = (KEEP, KEEP)


def call(*, check_mode=False, **params) -> dict:
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    given = {name: str(value) if isinstance(value, Path) else value for name, value in params.items()}
    return run(Call(params={**defaults, **given}, check_mode=check_mode))


def owner_of(path: Path) -> int:
    return path.stat(follow_symlinks=False).st_uid


def everything(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """What is below a folder: mode, owner, and content or where a link leads."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat(follow_symlinks=False)
        content = b"" if path.is_dir() else bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


class TestLinks:
    @pytest.fixture
    def real(self, tmp_path):
        (tmp_path / "real").mkdir(mode=0o700)
        return tmp_path / "real"

    @pytest.mark.parametrize("target", ["real/key", "{}/real/key", "real/../real/./key"])
    def test_a_link_of_ones_own_is_followed(self, tmp_path, real, target):
        """As other modules do it; it goes with the file."""
        link = tmp_path / "link"
        link.symlink_to(target.format(tmp_path))
        made = call(path=link)
        assert link.is_symlink()
        assert stat.S_IMODE((real / "key").stat().st_mode) == 0o600
        (real / "key").chmod(0o640)
        assert call(path=link)["reason"] == ["mode"]
        copy = Path(call(path=link, regenerate="always", backup=True)["backup_file"])
        assert made["public_key"] in copy.read_text()
        assert (copy.parent, stat.S_IMODE(copy.stat().st_mode)) == (real, 0o600)
        assert call(path=link, state="absent")["reason"] == ["removed"]
        assert not link.is_symlink()
        assert not (real / "key").exists()

    def test_a_link_to_a_folder_is_followed_and_stays(self, tmp_path, real):
        """What is missing below it is made."""
        (tmp_path / "link").symlink_to("real")
        path = tmp_path / "link" / "new" / "key"
        assert call(path=path)["created"]
        assert stat.S_IMODE((real / "new").stat().st_mode) == 0o700
        assert call(path=path, state="absent")["changed"]
        assert (tmp_path / "link").is_symlink()
        assert list((real / "new").iterdir()) == []

    def test_a_link_that_leads_nowhere_is_followed_too(self, tmp_path):
        """It is one's own."""
        (tmp_path / "link").symlink_to("new/key")
        call(path=tmp_path / "link")
        assert (tmp_path / "new" / "key").is_file()

    def test_links_in_a_circle_are_an_error(self, tmp_path):
        """Not a run without an end."""
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(FileAccessError, match="too many levels of symbolic links"):
            call(path=tmp_path / "a")

    @needs_root
    @pytest.mark.parametrize(
        ("place", "target"),
        [
            ("home/key", "roots/key"),
            ("home/key", "roots/new"),
            ("home/key", "roots/missing/new"),
            ("home/folder", "roots"),
            ("home/folder", "roots/missing"),
        ],
    )
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"owner": str(SOMEBODY)},
            {"regenerate": "always"},
            {"state": "absent"},
            {"check_mode": True},
        ],
    )
    def test_the_link_of_somebody_else_is_not_followed(self, tmp_path, place, target, params):
        """Whose home it is would get a key of root's, or a file of their own where only root may write."""
        home, roots = tmp_path / "home", tmp_path / "roots"
        home.mkdir()
        roots.mkdir(mode=0o700)
        call(path=roots / "key")
        (tmp_path / place).symlink_to(tmp_path / target)
        os.chown(home, SOMEBODY, SOMEBODY)
        os.chown(tmp_path / place, SOMEBODY, SOMEBODY, follow_symlinks=False)
        before = everything(tmp_path)
        path = home / "key" if place == "home/key" else home / "folder" / "key"
        with pytest.raises(
            FluxseedError, match=rf"link {tmp_path / place} belongs to another user.*12345.*become_user"
        ):
            call(path=path, **params)
        assert everything(tmp_path) == before


class Moments:
    """After each call of the system in turn something happens, one of them per run."""

    CALLS = ("stat", "open", "fstat", "fchown", "fchmod", "fsync", "rename", "unlink", "listxattr")

    def __init__(self, monkeypatch) -> None:
        self.chosen = 0
        self.are_over = False
        self._seen = 0
        self._happening = None
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._followed(getattr(os, name)))

    @contextmanager
    def next(self, happening) -> Iterator[None]:
        self._seen, self._happening = 0, happening
        yield
        self.are_over = self._happening is not None
        self._happening = None
        self.chosen += 1

    def _followed(self, real):
        def call(*args, **keywords):
            try:
                return real(*args, **keywords)
            finally:
                happening = self._happening
                if happening and self._seen == self.chosen:
                    self._happening = None
                    happening()
                self._seen += 1

        return call


@needs_root
class TestGivenAway:
    def test_from_the_file_up(self, tmp_path, monkeypatch):
        """Who owns a folder already finds nothing in it that is still to be given away."""
        given = []
        real = os.fchown

        def spy(descriptor, user, group):
            given.append(Path(f"/proc/self/fd/{descriptor}").readlink())
            real(descriptor, user, group)

        monkeypatch.setattr(os, "fchown", spy)
        call(path=tmp_path / "a" / "b" / "key", owner=str(SOMEBODY))
        assert [each.parent for each in given] == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]
        assert all(owner_of(tmp_path / each) == SOMEBODY for each in ("a", "a/b", "a/b/key"))
        assert owner_of(tmp_path) == 0

    @pytest.mark.parametrize("swapped", ["key", "folder"])
    @pytest.mark.parametrize("there", ["nothing", "a key", "a link of root's"])
    @pytest.mark.parametrize("params", [{}, {"regenerate": "always", "backup": True}, {"state": "absent"}])
    def test_whatever_moment_somebody_chooses_to_put_a_link_there(self, tmp_path, monkeypatch, swapped, there, params):
        """What the link leads to stays as it is: not given away, not closed, not written over, not removed."""
        roots = tmp_path / "roots"
        roots.mkdir()
        call(path=roots / "key")
        (roots / "key").chmod(0o644)
        before = everything(roots)
        moments = Moments(monkeypatch)
        ends = set()
        while not moments.are_over:
            folder = tmp_path / f"home-{moments.chosen}" / "folder"
            folder.mkdir(parents=True)
            if there != "nothing":
                (folder / "real").write_bytes((roots / "key").read_bytes())
                (folder / "real").rename(folder / "key") if there == "a key" else (folder / "key").symlink_to("real")

            def swap(folder: Path = folder) -> None:
                place, target = (folder / "key", roots / "key") if swapped == "key" else (folder, roots)
                if os.path.lexists(place):
                    place.rename(place.with_name("moved"))
                place.symlink_to(target)
                os.chown(place, SOMEBODY, SOMEBODY, follow_symlinks=False)

            with moments.next(swap):
                try:
                    ends.add(call(path=folder / "key", owner=str(SOMEBODY), **params)["changed"])
                except FileAccessError:
                    ends.add("refused")
            assert everything(roots) == before
        assert "refused" in ends
        assert moments.chosen > 10


class TestFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "key"

    @pytest.mark.parametrize("failing", ["fsync", "rename", "fchmod"])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_what_was_there_stays_if_writing_fails(self, path, monkeypatch, failing, error):
        """And nothing is left beside it."""
        path.write_bytes(b"old")

        def fail(*_args, **_keywords):
            raise error

        folder = KeyFolder(str(path))
        with folder.held(make=True):
            monkeypatch.setattr(os, failing, fail)
            with pytest.raises((FileAccessError, KeyboardInterrupt)):
                folder.replace(b"new", owner=KEPT)
        assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [("key", b"old")]

    @pytest.mark.parametrize(
        ("kind", "message"), [("folder", "this is a folder, a file is needed"), ("pipe", "this is no regular file")]
    )
    def test_what_is_no_file_is_told(self, path, kind, message):
        """A pipe is not waited for."""
        path.mkdir() if kind == "folder" else os.mkfifo(path)
        for state in ("present", "absent"):
            with pytest.raises(FileAccessError, match=message):
                call(path=path, state=state)
        assert path.exists()

    @pytest.mark.parametrize("text", ["/", ".", "..", "{}/.."])
    def test_a_path_without_a_name_is_a_folder(self, path, text):
        """Wherever it leads."""
        path.mkdir()
        with pytest.raises(FileAccessError, match="this is a folder, a file is needed"):
            call(path=text.format(path))

    def test_a_file_where_a_folder_is_due_is_told(self, path):
        """In check mode too."""
        path.write_text("x")
        for check_mode in (True, False):
            with pytest.raises(FileAccessError, match="cannot open the folder of this file: not a directory"):
                call(path=path / "below" / "key", check_mode=check_mode)

    def test_folders_made_for_it_go_again_if_the_work_fails(self, path):
        """Not those in which there is something now."""

        def work(folder: Path) -> None:
            with KeyFolder(str(folder / "a" / "b" / "key")).held(make=True):
                assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o700
                if folder.name == "full":
                    (folder / "a" / "other").touch()
                raise FileAccessError("refused")

        for name in ("empty", "full"):
            (path.parent / name).mkdir()
            with pytest.raises(FileAccessError, match="refused"):
                work(path.parent / name)
        left = sorted(str(each.relative_to(path.parent)) for each in path.parent.rglob("*"))
        assert left == ["empty", "full", "full/a", "full/a/other"]

    def test_hosts_that_share_a_file_make_one_key(self, tmp_path):
        """Although its folder is made on the way."""
        context = multiprocessing.get_context("fork")
        path, made = tmp_path / "new" / "folder" / "key", context.Queue()
        workers = [context.Process(target=lambda: made.put(call(path=path))) for _number in range(6)]
        for worker in workers:
            worker.start()
        results = [made.get(timeout=60) for _worker in workers]
        for worker in workers:
            worker.join()
        assert sorted(result["changed"] for result in results) == [False] * 5 + [True]
        assert len({result["public_key"] for result in results}) == 1
