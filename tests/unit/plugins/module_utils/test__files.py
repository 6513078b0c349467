# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are replaced whole, with everything but their content kept."""

from __future__ import annotations

import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils import _files
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FileAccessError

needs_owner_checks = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture(autouse=True)
def _umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


class TestReplaceFile:
    def test_new_file_gets_the_mode_the_umask_leaves(self, tmp_path):
        """Without a mode, a new file is like any other of the user."""
        _files.replace_file(str(tmp_path / "a"), b"1")
        assert (tmp_path / "a").read_bytes() == b"1"
        assert mode_of(tmp_path / "a") == 0o644

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
    def test_mode_is_set_whatever_the_umask(self, tmp_path, mode):
        """A mode that was asked for is set exactly."""
        _files.replace_file(str(tmp_path / "a"), b"1", mode=mode)
        assert mode_of(tmp_path / "a") == mode

    @pytest.mark.parametrize("mode", [0o600, 0o664, 0o444, 0o4755])
    def test_mode_of_existing_file_is_kept(self, tmp_path, mode):
        """Without a mode, an existing file keeps its own, special bits included."""
        file = tmp_path / "a"
        file.write_bytes(b"old")
        file.chmod(mode)
        _files.replace_file(str(file), b"new")
        assert file.read_bytes() == b"new"
        assert mode_of(file) == mode

    @needs_root
    def test_owner_and_group_are_kept(self, tmp_path):
        """The file stays with whom it belongs to, although root writes it."""
        file = tmp_path / "a"
        file.write_bytes(b"old")
        os.chown(file, 12345, 23456)
        _files.replace_file(str(file), b"new")
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)

    def test_symbolic_link_stays_and_its_target_is_replaced(self, tmp_path):
        """A link into another folder is followed."""
        (tmp_path / "real").mkdir()
        target = tmp_path / "real" / "file"
        target.write_bytes(b"old")
        link = tmp_path / "link"
        link.symlink_to(target)
        _files.replace_file(str(link), b"new")
        assert link.is_symlink()
        assert target.read_bytes() == b"new"
        assert names_in(tmp_path / "real") == ["file"]

    def test_readers_see_the_old_or_the_new_content_only(self, tmp_path):
        """A reader that comes in between never sees half of a file."""
        file = tmp_path / "a"
        contents = [b"x" * 300_000, b"y" * 200_000]
        file.write_bytes(contents[0])
        seen, done = set(), threading.Event()

        def read():
            while not done.is_set():
                seen.add(file.read_bytes())

        reader = threading.Thread(target=read)
        reader.start()
        for turn in range(40):
            _files.replace_file(str(file), contents[turn % 2])
        done.set()
        reader.join()
        assert seen <= set(contents)

    def test_content_is_on_disk_before_the_name_changes(self, tmp_path, monkeypatch):
        """The file is synchronised, then renamed, then its folder is synchronised."""
        calls = []
        for name in ("fsync", "rename"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
        _files.replace_file(str(tmp_path / "a"), b"1")
        assert calls == ["fsync", "rename", "fsync"]

    @pytest.mark.parametrize("failing", ["fsync", "rename", "fchmod"])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_old_content_stays_and_nothing_is_left_behind_when_writing_fails(
        self, tmp_path, monkeypatch, failing, error
    ):
        """Whatever interrupts the writing, the folder is as it was."""
        file = tmp_path / "a"
        file.write_bytes(b"old")

        def fail(*_args):
            raise error

        monkeypatch.setattr(os, failing, fail)
        with pytest.raises((FileAccessError, KeyboardInterrupt)):
            _files.replace_file(str(file), b"new", mode=0o600)
        assert file.read_bytes() == b"old"
        assert names_in(tmp_path) == ["a"]

    def test_temporary_file_is_never_open_to_others(self, tmp_path, monkeypatch):
        """With a mode given, not even the file under way can be read by others."""
        modes = []
        real = os.open

        def spy(path, flags, mode=0o777, **kwargs):
            if flags & os.O_CREAT:
                modes.append(mode)
            return real(path, flags, mode, **kwargs)

        monkeypatch.setattr(os, "open", spy)
        _files.replace_file(str(tmp_path / "a"), b"1", mode=0o600)
        assert modes == [0o600]

    def test_folder_in_place_of_a_file_is_refused(self, tmp_path):
        """A folder is named as such."""
        with pytest.raises(FileAccessError, match="this is a folder"):
            _files.replace_file(str(tmp_path), b"1")

    def test_missing_folder_is_an_error_that_names_the_file(self, tmp_path):
        """Folders are not made on the way."""
        path = str(tmp_path / "missing" / "a")
        with pytest.raises(FileAccessError, match="no such file or directory") as caught:
            _files.replace_file(path, b"1")
        assert caught.value.where == path

    def test_pipe_is_written_to(self, tmp_path):
        """`--output /dev/stdout` and process substitution work."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        got = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        _files.replace_file(str(pipe), b"content")
        reader.join()
        assert got == [b"content"]
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    @needs_owner_checks
    def test_read_only_folder_is_an_error_with_advice(self, tmp_path):
        """A folder without write permission leaves the file as it is."""
        file = tmp_path / "a"
        file.write_bytes(b"old")
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(FileAccessError, match="permission denied") as caught:
                _files.replace_file(str(file), b"new")
        finally:
            tmp_path.chmod(0o700)
        assert "owner and mode" in caught.value.hint
        assert file.read_bytes() == b"old"

    def test_extended_attributes_are_kept(self, tmp_path):
        """Labels of the user, and with them access lists, go with the file."""
        file = tmp_path / "a"
        file.write_bytes(b"old")
        try:
            os.setxattr(file, "user.note", b"mine")
        except OSError:
            pytest.skip("no extended attributes here")
        _files.replace_file(str(file), b"new")
        assert os.getxattr(file, "user.note") == b"mine"


class TestReadFile:
    def test_missing_file_is_an_error_or_nothing(self, tmp_path):
        """Whether a file may be missing is the caller's decision."""
        path = str(tmp_path / "a")
        assert _files.read_file_if_exists(path) is None
        assert _files.file_mode(path) is None
        with pytest.raises(FileAccessError, match="cannot read this file: no such file"):
            _files.read_file(path)

    def test_a_file_as_folder_is_an_error_not_an_absence(self, tmp_path):
        """What cannot be looked at is not taken for absent."""
        (tmp_path / "a").write_bytes(b"")
        with pytest.raises(FileAccessError, match="not a directory"):
            _files.read_file_if_exists(str(tmp_path / "a" / "b"))


class TestDirectories:
    def test_every_missing_folder_is_private_and_present_ones_are_left(self, tmp_path):
        """Only what is made gets the mode."""
        _files.make_private_directory(str(tmp_path / "a" / "b"))
        assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o700
        (tmp_path / "a").chmod(0o755)
        _files.make_private_directory(str(tmp_path / "a"))
        assert mode_of(tmp_path / "a") == 0o755

    def test_file_in_the_way_is_an_error(self, tmp_path):
        """A file where a folder is due is named."""
        (tmp_path / "a").write_bytes(b"")
        with pytest.raises(FileAccessError, match="cannot make the folder"):
            _files.make_directory(str(tmp_path / "a" / "b"))


def _add_lines(path: str, count: int) -> None:
    for _turn in range(count):
        with _files.folder_lock(path, make=_files.DIRECTORY):
            content = _files.read_file_if_exists(path) or b""
            _files.replace_file(path, content + b"x")


def test_changes_of_several_processes_to_one_file_are_all_kept(tmp_path):
    """Hosts of one play that share a file do not lose each other's change, even if its folder is made on the way."""
    path = str(tmp_path / "new" / "folder" / "file")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add_lines, args=(path, 15)) for _number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Path(path).read_bytes() == b"x" * 60


def test_folders_made_for_a_file_go_again_if_the_work_fails(tmp_path):
    """A failure leaves nothing behind; folders that were there stay."""
    (tmp_path / "old").mkdir()
    path = tmp_path / "old" / "a" / "b" / "file"

    def work():
        with _files.folder_lock(str(path), make=_files.PRIVATE_DIRECTORY):
            assert mode_of(path.parent) == 0o700
            raise FileAccessError("refused")

    with pytest.raises(FileAccessError, match="refused"):
        work()
    assert names_in(tmp_path / "old") == []


def test_without_permission_to_make_folders_none_is_made(tmp_path):
    """Check mode looks, and leaves no trace."""
    with _files.folder_lock(str(tmp_path / "a" / "file")):
        pass
    assert names_in(tmp_path) == []


class TestBackUp:
    def test_a_copy_has_content_and_mode_and_a_name_that_ansible_does_not_read(self, tmp_path):
        """Variables files that end in a tilde are skipped."""
        path = tmp_path / "secrets.yml"
        path.write_text("a: 1")
        path.chmod(0o640)
        copy = Path(_files.back_up_file(str(path)))
        assert copy.name.startswith(f"secrets.yml.{os.getpid()}.")
        assert copy.name.endswith("~")
        assert (copy.read_text(), mode_of(copy), path.read_text()) == ("a: 1", 0o640, "a: 1")

    def test_two_in_one_second_are_two(self, tmp_path):
        """None is written over."""
        path = tmp_path / "file"
        path.write_text("one")
        first = _files.back_up_file(str(path))
        path.write_text("two")
        second = _files.back_up_file(str(path))
        assert [Path(copy).read_text() for copy in (first, second)] == ["one", "two"]

    def test_what_is_not_there_cannot_be_copied(self, tmp_path):
        """That is said, and leaves nothing."""
        with pytest.raises(FileAccessError, match="cannot back up this file"):
            _files.back_up_file(str(tmp_path / "nowhere"))
        assert names_in(tmp_path) == []
