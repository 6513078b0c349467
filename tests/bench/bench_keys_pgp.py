# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP: how often `gpg` is started, and what is added to its time.

Run alone it prints the rows; `run(runs)` returns them for the report of `make bench`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Callable
from pathlib import Path

from measure import Figures, Result, alone, call, in_turn, process

if t.TYPE_CHECKING:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
    from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

FILES = 100
OVERHEAD = 1.5
"""How many times as long as `gpg -d` alone an unwrap may take."""


def run(runs: int = 15) -> list[Result]:
    """Measure with a key made for it, in a home made for it."""
    from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle
    from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

    with GnupgHome() as home, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fingerprint = home.new_key(name="bench")
        return [*_files(home, fingerprint, folder, oracle("sops")), _overhead(home, fingerprint, runs)]


def _files(home: GnupgHome, fingerprint: str, folder: Path, sops: Path) -> list[Result]:
    """All files have the data key of the first one, as edits leave it."""
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
    from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import CountedGpg

    store, ring = store_for("x.yaml"), _ring(home)
    rule = Config.parse(f"creation_rules: [{{pgp: {fingerprint}}}]", path="/x/.sops.yaml").rule_for("/x/x.yaml")
    first = document.encrypt(b"password: hunter2\n", rule, store=store, services=ring.services).content
    path = document.parse_path('["password"]')
    contents = [document.set(first, path, f"hunter{number}", ring, store=store).content for number in range(FILES)]
    for number, content in enumerate(contents):
        (folder / f"{number}.yaml").write_bytes(content)

    def decrypt_all(ring: KeyRing) -> None:
        for content in contents:
            document.decrypt(content, ring, store=store)

    counted = CountedGpg(folder)
    decrypt_all(_ring(home, counted.in_surroundings))
    ours = alone(call(lambda: decrypt_all(_ring(home))), runs=5)
    loop = f'for file in {folder}/*.yaml; do {sops} decrypt "$file" || exit 1; done'
    theirs = Figures((process(["sh", "-c", loop], environment=home.environment)(),))
    return [
        Result(
            f"{FILES} files for an OpenPGP key with one data key: gpg processes",
            "-",
            float(len(counted.starts)),
            1.0,
            "count",
        ),
        Result(
            f"{FILES} files for an OpenPGP key with one data key: decrypt in process",
            "shell loop of sops",
            theirs.median / ours.median,
            20.0,
            "faster",
            ours,
            theirs,
        ),
    ]


def _overhead(home: GnupgHome, fingerprint: str, runs: int) -> Result:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_service import PgpService

    service = PgpService(home.surroundings())
    key = service.wrap(PgpKey.named(fingerprint), bytes(32))

    def alone_in_gpg() -> None:
        subprocess.run(
            ["gpg", "--batch", "-d"], input=key.enc.encode(), env=home.environment, capture_output=True, check=True
        )

    pair = in_turn(call(lambda: service.unwrap(key), times=5), call(alone_in_gpg, times=5), runs=runs)
    return Result(
        "unwrap of one data key by gpg, against gpg alone (times as long)",
        "gpg -d",
        1 / pair.ratio,
        OVERHEAD,
        "growth",
        pair.ours,
        pair.theirs,
    )


def _ring(home: GnupgHome, changed: Callable[[t.Any], t.Any] = lambda surroundings: surroundings) -> KeyRing:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather

    return gather(changed(home.surroundings()))


def main() -> int:
    """Print the rows; a failure when one is not reached."""
    from bench_report import line

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    found = run(parser.parse_args().runs)
    for result in found:
        print(line(result))
    return 0 if all(result.holds for result in found) else 1


if __name__ == "__main__":
    sys.exit(main())
