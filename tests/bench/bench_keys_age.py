# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age: how long it takes to unwrap a data key, and what 1,000 files with the same recipients cost.

Run alone it prints the rows; `run(runs)` returns them for the report of `make bench`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from measure import Figures, Result, alone, call, in_turn, process

FILES = 1000
TIMES = 200
LIMITS = {"X25519": 0.000_15, "post-quantum": 0.001}
"""Seconds for one data key."""


def run(runs: int = 15) -> list[Result]:
    """Measure with keys made for it."""
    return [*(_unwrap(name, limit, runs) for name, limit in LIMITS.items()), _against_pyrage(runs), *_files()]


def _unwrap(name: str, limit: float, runs: int) -> Result:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity

    private, public = age.generate_identity(post_quantum=name == "post-quantum")
    identity, enc = parse_identity(private), age.AgeKey(public).wrap(bytes(32)).enc
    ours = alone(call(lambda: identity.unwrap(enc), times=TIMES), runs=runs)
    return Result(f"unwrap of one data key of age, {name}", "-", ours.median, limit, "limit", ours)


def _against_pyrage(runs: int) -> Result:
    """The library that wraps here; it reads the armor and the header less strictly."""
    import pyrage

    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity

    private, public = age.generate_identity()
    enc = age.AgeKey(public).wrap(bytes(32)).enc
    ours, content = parse_identity(private), enc.encode()
    theirs = pyrage.x25519.Identity.from_str(private)
    pair = in_turn(
        call(lambda: ours.unwrap(enc), times=TIMES),
        call(lambda: pyrage.decrypt(content, [theirs]), times=TIMES),
        runs=runs,
    )
    return Result(
        "unwrap of one data key of age, X25519, in process",
        "pyrage",
        pair.ratio,
        1.0,
        ours=pair.ours,
        theirs=pair.theirs,
    )


def _files() -> list[Result]:
    """Every file has a data key of its own, so nothing is remembered but the identity."""
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age, age_x25519
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
    from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle

    private, public = age.generate_identity()
    others = [age.generate_identity()[1] for _number in range(2)]
    store, rule = store_for("x.yaml"), Rule.of([*others, public])
    contents = [document.encrypt(b"password: hunter2\n", rule, store=store).content for _number in range(FILES)]
    parsed = 0
    key = age_x25519.X25519Key

    def counted(text: str) -> object:
        nonlocal parsed
        parsed += 1
        return key(text)

    def decrypt_all() -> None:
        around = Surroundings({"SOPS_AGE_KEY": private}, "/nowhere", lambda _path: None, lambda _words, _extra: "")
        ring = gather(around)
        for content in contents:
            document.decrypt(content, ring, store=store)

    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    age_x25519.X25519Key = counted
    try:
        decrypt_all()
    finally:
        age_x25519.X25519Key = key
    # Each process that ends leaves its page faults behind.
    processes = float(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt > started)
    ours = alone(call(decrypt_all), runs=5)
    with tempfile.TemporaryDirectory() as name:
        for number, content in enumerate(contents[: FILES // 10]):
            Path(name, f"{number}.yaml").write_bytes(content)
        loop = f'for file in {name}/*.yaml; do {oracle("sops")} decrypt "$file" || exit 1; done'
        environment = {"SOPS_AGE_KEY": private, "HOME": name, "SOPS_DISABLE_VERSION_CHECK": "true"}
        theirs = Figures((process(["/bin/sh", "-c", loop], environment=environment)(),))
    what = f"{FILES:,} files with a data key each for three age keys"
    return [
        Result(f"{what}: identities parsed", "-", float(parsed), 1.0, "count"),
        Result(f"{what}: processes started", "-", processes, 0.0, "count"),
        Result(
            f"{what}: decrypt in process, per file",
            "shell loop of sops",
            (theirs.median / (FILES // 10)) / (ours.median / FILES),
            20.0,
        ),
    ]


def main() -> int:
    """Print the rows; a failure when one is not reached."""
    from bench_report import line

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    rows = run(parser.parse_args().runs)
    for row in rows:
        print(line(row))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
