# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, against whom, and what must be reached.

Whole processes come first: the peak memory of a child is never below that of the process that starts it, so
nothing big may have been imported before.
"""

from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bench_files
from measure import Figures, Pair, Result, Run, alone, call, in_turn, process

BIN = Path(sys.executable).parent
KEYS = 10_000
SMALL_FILES = 1_000
_FIRST_KEY = '["group0"]["part0"]["key0"]'


@dataclass
class Bench:
    """The measurements in a folder of their own."""

    folder: Path
    sops: Path
    private: str
    public: str
    runs: int
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # Bytecode is written and used, as in any installation; sops may not look for a newer version of itself.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SOPS_AGE_KEY": self.private,
            "SOPS_DISABLE_VERSION_CHECK": "true",
        }

    def write(self, name: str, content: bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def encrypted(self, name: str, plain: Path) -> Path:
        """The file as sops encrypts it: both read the same bytes."""
        done = subprocess.run(
            [str(self.sops), "encrypt", "--age", self.public, str(plain)],
            env=self.environment, capture_output=True, check=True,
        )  # fmt: skip
        return self.write(name, done.stdout)

    # --- whole processes

    def processes(self) -> Iterator[Result]:
        """Commands side by side."""
        plain = self.write("plain.yaml", bench_files.plain_yaml(KEYS))
        sealed = self.encrypted("sealed.yaml", plain)
        size = f"{KEYS:,} keys, {plain.stat().st_size / 1e6:.2f} MB plain"
        yield self._command(f"decrypt, {size}", 3.0, ["decrypt", str(sealed)], memory=True)
        yield self._command(f"encrypt, {size}", 3.0, ["encrypt", "--age", self.public, str(plain)], memory=True)
        work = self.folder / "work.yaml"
        yield self._command(
            f"set one key, {size}",
            3.0,
            ["set", str(work), _FIRST_KEY, '"new"'],
            before=lambda: shutil.copyfile(sealed, work),
            memory=True,
        )
        varied = self.write("varied.yaml", bench_files.varied_yaml(KEYS))
        varied_sealed = self.encrypted("varied-sealed.yaml", varied)
        yield self._command(f"decrypt, {KEYS:,} keys, comments, blocks, flow", 2.0, ["decrypt", str(varied_sealed)])
        yield self._command(
            f"encrypt, {KEYS:,} keys, comments, blocks, flow", 2.0, ["encrypt", "--age", self.public, str(varied)]
        )

    def _command(
        self,
        case: str,
        wanted: float,
        words: list[str],
        *,
        before: t.Callable[[], t.Any] = lambda: None,
        memory: bool = False,
    ) -> Result:
        ours, theirs = [str(BIN / "fluxseed"), *words], [str(self.sops), *words]
        pair = in_turn(
            process(ours, environment=self.environment, before=before),
            process(theirs, environment=self.environment, before=before),
            runs=self.runs,
        )
        commands = tuple(self._shown(command) for command in (ours, theirs))
        return Result(case, "sops process", pair.ratio, wanted, "faster", pair.ours, pair.theirs, memory, commands)

    def _shown(self, command: list[str]) -> str:
        """The command with short names, so that the printed line is the same on every machine."""
        short = {self.public: "AGE_RECIPIENT"}
        words = [short.get(word, word.rpartition("/")[2]) for word in command]
        return shlex.join(words)

    def many_files(self) -> Result:
        """All files of a folder: one process of ours against a shell loop of sops."""
        folder = self.folder / "small"
        folder.mkdir()
        for number in range(SMALL_FILES):
            (folder / f"{number}.yaml").write_bytes(bench_files.small_yaml(number))
        loop = (
            f"for file in {folder}/*.yaml; do"
            f' {self.sops} encrypt --age {self.public} --in-place "$file" || exit 1; done'
        )
        subprocess.run(["sh", "-c", loop], env=self.environment, check=True)
        script = Path(__file__).with_name("decrypt_folder.py")
        # One loop of sops takes half a minute, so both run once only; each run is a thousand files.
        ours = alone(process([sys.executable, str(script), str(folder)], environment=self.environment), runs=3)
        words = f'for file in {folder}/*.yaml; do {self.sops} decrypt "$file" >/dev/null || exit 1; done'
        theirs = Figures((process(["sh", "-c", words], environment=self.environment)(),))
        return Result(
            f"{SMALL_FILES:,} small files in one process: decrypt",
            "shell loop of sops",
            theirs.median / ours.median,
            50.0,
            "faster",
            ours,
            theirs,
            commands=("python decrypt_folder.py small", 'for file in small/*.yaml; do sops decrypt "$file"; done'),
        )

    # --- in this process

    def in_process(self) -> Iterator[Result]:
        """Functions side by side, in one warm process."""
        import yaml

        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

        nowhere = Surroundings({}, "/nowhere", lambda _path: None, lambda _words, _environment: "")
        ring: KeyRing = gather(nowhere, [("bench", self.private)])
        rule = Rule.of([self.public])
        store = store_for("x.yaml")

        plain = bench_files.plain_yaml(KEYS)
        sealed = document.encrypt(plain, rule, store=store).content
        for name, ours, text in (
            ("decrypt", lambda: document.decrypt(sealed, ring, store=store), sealed),
            ("encrypt", lambda: document.encrypt(plain, rule, store=store).content, plain),
        ):
            pair = _calls(ours, _loader(yaml, text), runs=self.runs)
            yield Result(
                f"{name} in process, {KEYS:,} keys",
                "yaml.load, CSafeLoader, the same file",
                pair.ratio,
                1.0,
                "faster",
                pair.ours,
                pair.theirs,
            )
        small = document.encrypt(bench_files.small_yaml(0), rule, store=store).content
        figures = alone(call(lambda: document.decrypt(small, ring, store=store), times=200), runs=self.runs)
        yield Result("one small file in process, key ring warm", "-", figures.median, 0.3e-3, "limit", figures)
        yield self._growth(document, rule, ring, store)

    def _growth(self, document: t.Any, rule: t.Any, ring: t.Any, store: t.Any) -> Result:
        sizes = {}
        for keys, times in ((1_000, 50), (10_000, 5), (100_000, 1)):
            sealed = document.encrypt(bench_files.plain_yaml(keys), rule, store=store).content

            def decrypt(content: bytes = sealed) -> None:
                document.decrypt(content, ring, store=store)

            sizes[keys] = call(decrypt, times=times)
            sizes[keys]()
        # In turn, as everything else here: a machine that drifts treats all sizes alike.
        turns = [{keys: run().seconds / keys for keys, run in sizes.items()} for _turn in range(max(5, self.runs // 2))]
        costs = {keys: statistics.median(turn[keys] for turn in turns) for keys in sizes}
        shown = ", ".join(f"{keys:,}: {cost * 1e6:.2f} µs per key" for keys, cost in costs.items())
        growth = statistics.median(turn[100_000] / turn[1_000] for turn in turns)
        return Result(f"cost against size ({shown})", "-", growth, 1.3, "growth")


def _calls(ours: t.Callable[[], t.Any], theirs: Run, *, runs: int) -> Pair:
    return in_turn(call(ours), theirs, runs=runs)


def _loader(yaml: t.Any, text: bytes) -> Run:
    return call(lambda: yaml.load(text, yaml.CSafeLoader))
