# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes from atheris against the engine: whatever they are, the answer is a result or an error of our own tree, in time.

`make fuzz-bytes SECONDS=600` runs it. The first byte of an input chooses the target, so that one run covers all; the seeds
are the `.case` files. Arguments of this script that it does not know go to libFuzzer; a file name runs that one input.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import pkgutil
import sys
import time
import traceback
import typing as t
from datetime import UTC, datetime
from pathlib import Path

import atheris

ENGINE = "ansible_collections.fluxseed.gitops.plugins.module_utils._sops"
sys.setrecursionlimit(1000)  # Python's own default: the engine has to live with it

with atheris.instrument_imports(include=[ENGINE]):
    from ansible_collections.fluxseed.gitops.plugins.module_utils import _sops

    # Lazy imports of the engine would come too late to be instrumented.
    for found in pkgutil.walk_packages(_sops.__path__, f"{ENGINE}."):
        importlib.import_module(found.name)

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document, mac, values
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import Held, KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import DEFAULT
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases

SLOW = 1.0
"""Seconds of processor time that no input of at most `LONGEST` bytes may take, instrumented as the engine is here."""
LONGEST = 8192
LIMITS = Limits(copies=10_000)
DATA_KEY = b"f" * 32
IDENTITY = "AGE-SECRET-KEY-1RTW939Z8EM6XPTF828PQD6W0EPP0JG6G9ZVL0LEYR8GRWP4L4MWSMY4U37"
RECIPIENT = "age1gx7pavyulanqfl4fl7dmh38faw6sl2jl97w0jstl0rry0m0fagws8puy50"
RULE = Rule.of([RECIPIENT])


def clock() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class SlowInputError(Exception):
    """An input took too long."""


class BrokenPromiseError(Exception):
    """A result is not what the engine promises."""


class FixedRing(KeyRing):
    """Opens every file with the same data key, so that the fuzzer gets past the age layer."""

    def data_key(self, held: Held, *, where: str | None = None) -> bytes:  # noqa: ARG002  (that of all rings)
        return DATA_KEY


RING = FixedRing()


def _stores() -> dict[str, Store]:
    found = {}
    for name in ("yaml", "json", "dotenv", "ini", "binary"):
        try:
            found[name] = store_for(name, name)
        except FluxseedError as exc:
            print(f"without {name}: {exc}", file=sys.stderr)
    return found


STORES = _stores()


# --- targets --------------------------------------------------------------------------------------


def load(store: Store, content: bytes) -> None:
    """The loader, and what the metadata says."""
    tree = store.load(content, where="f", limits=LIMITS)
    tree.line_of(len(tree.text))
    data = store.metadata(tree)
    if data is not None:
        Metadata.parse(data).to_data()


def data(store: Store, content: bytes) -> None:
    """Plain data, and a file made from it."""
    for each in store.data(content, where="f", limits=LIMITS):
        if isinstance(each, dict):
            store.dump(each)


def question(store: Store, content: bytes) -> None:
    """What is asked without any key."""
    document.is_encrypted(content)
    document.status(content, store=store, name="f")


def metadata(store: Store, content: bytes) -> None:
    """The metadata reader on any data, past the store of the file itself."""
    for each in store.data(content, where="f", limits=LIMITS):
        Metadata.parse(each).to_data()


def decrypt(store: Store, content: bytes) -> None:
    """An encrypted file, often damaged; without the MAC, which would hide what comes after it."""
    document.decrypt(content, RING, store=store, name="f", ignore_mac=True)


def decrypt_and_edit(store: Store, content: bytes) -> None:
    """The same with all checks, and a file that nobody changed stays as it is."""
    plain = document.decrypt(content, RING, store=store, name="f")
    if document.edit(content, plain, RING, store=store, name="f", clock=clock).content != content:
        raise BrokenPromiseError("an edit without a change changed the file")


def round_trip(store: Store, content: bytes) -> None:
    """What was encrypted opens again and holds the same values."""
    change = document.encrypt(content, RULE, store=store, name="f", clock=clock)
    plain = document.decrypt(change.content, RING_OF_ONE, store=store, name="f")
    if plain != content and _leaves(store, plain) != _leaves(store, content):
        raise BrokenPromiseError("the values are not what they were")


def crafted(store: Store, content: bytes) -> None:
    """Tokens that open, with any bytes inside: anybody who knows a recipient can write such a file."""
    cipher = values.Cipher(DATA_KEY, lambda count: b"n" * count)
    kinds = ("str", "int", "float", "bool", "time", "comment", "bytes")
    pieces = content.split(b"\x00")[:20]
    items = []
    for number, piece in enumerate(pieces):
        kind = kinds[piece[0] % len(kinds)] if piece else "str"
        path = f"k{number}:" if store.name != "ini" else f"s:k{number}:"
        items.append((f"k{number}", cipher.encrypt(piece[1:] or b"x", kind, path)))
    stamp = "2026-01-02T03:04:05Z"
    block = Metadata(
        groups=((AgeKey(RECIPIENT, "enc"),),), selector=DEFAULT, lastmodified=stamp, mac=mac.seal("0", cipher, stamp)
    )
    text = {"yaml": _yaml, "json": _yaml, "binary": _yaml, "dotenv": _lines, "ini": _section}[store.name](items)
    tree = store.load(text.encode())
    file = store.emit_encrypted(tree, [None] * len(tree.leaves), [None] * len(tree.comments), block.to_data())
    document.decrypt(file, RING, store=store, name="f", ignore_mac=True)


def pattern(_store: Store, content: bytes) -> None:
    """A regular expression and a text, apart by a line break."""
    source, _break, text = content.decode("utf-8", "replace").partition("\n")
    compile_re2(source, where="f").found_in(text or source)


def token(_store: Store, content: bytes) -> None:
    """The text of one token."""
    text = content.decode("utf-8", "surrogateescape")
    opened, kind = values.Cipher(DATA_KEY).decrypt(text, "k:")
    values.normalise(opened, kind)


def config(_store: Store, content: bytes) -> None:
    """A `.sops.yaml`."""
    Config.parse(content.decode("utf-8", "surrogateescape"), path="d/.sops.yaml").rule_for("d/x.yaml")


Target = t.Callable[[Store, bytes], None]
_OF_STORES: tuple[Target, ...] = (
    load,
    data,
    question,
    metadata,
    decrypt,
    decrypt_and_edit,
    round_trip,
    crafted,
)
_ALONE: tuple[Target, ...] = (pattern, token, config)
TARGETS: list[tuple[str, Target, Store]] = [
    *((f"{name}-{target.__name__}", target, store) for name, store in STORES.items() for target in _OF_STORES),
    *((target.__name__, target, STORES["yaml"]) for target in _ALONE),
]


# --- pieces ---------------------------------------------------------------------------------------


def _leaves(store: Store, content: bytes) -> list[tuple[str, str, str]]:
    return [(leaf.path, leaf.type, leaf.text) for leaf in store.load(content).leaves]


def _yaml(items: list[tuple[str, str]]) -> str:
    return "{\n" + ",\n".join(f'"{key}": "{text}"' for key, text in items) + "\n}\n"


def _lines(items: list[tuple[str, str]]) -> str:
    return "".join(f"{key}={text}\n" for key, text in items)


def _section(items: list[tuple[str, str]]) -> str:
    return "[s]\n" + "".join(f"{key} = {text}\n" for key, text in items)


class _OwnRing(KeyRing):
    """Opens what `round_trip` wrote, whose data key is new each time."""

    def __init__(self) -> None:
        super().__init__([parse_identity(IDENTITY)])


RING_OF_ONE = _OwnRing()


# --- the run --------------------------------------------------------------------------------------


def chosen(names: list[str]) -> list[tuple[str, Target, Store]]:
    if not names:
        return TARGETS
    found = [each for each in TARGETS if any(name in each[0].split("-") or name == each[0] for name in names)]
    if not found:
        raise SystemExit(f"no such target; there are {', '.join(name for name, _target, _store in TARGETS)}")
    return found


def one_input(targets: list[tuple[str, Target, Store]], content: bytes) -> None:
    if not content:
        return
    name, target, store = targets[content[0] % len(targets)]
    begin = time.process_time()
    try:
        target(store, content[1 : LONGEST + 1])
    except FluxseedError as exc:
        str(exc)
    except Exception:  # the crash that is looked for: named, then raised again
        print(f"target {name}", file=sys.stderr)
        traceback.print_exc()
        raise
    took = time.process_time() - begin
    if took > SLOW:
        raise SlowInputError(f"target {name}: {took:.1f} s")


class Collector:
    """Keeps one input of each kind of failure and goes on, for a first look at new code."""

    def __init__(self, targets: list[tuple[str, Target, Store]], folder: Path) -> None:
        self.targets = targets
        self.folder = folder
        self.known: set[str] = set()

    def __call__(self, content: bytes) -> None:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                one_input(self.targets, content)
        except Exception as exc:  # noqa: BLE001  (all of them are what is looked for)
            frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if "_sops" in frame.filename]
            at = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "harness"
            kind = f"{self.targets[content[0] % len(self.targets)][0]} {type(exc).__name__} {at}"
            if kind not in self.known:
                self.known.add(kind)
                path = self.folder / f"failure-{len(self.known)}"
                path.write_bytes(content)
                print(f"{path}: {kind}: {exc}", file=sys.stderr)


def write_seeds(folder: Path, targets: list[tuple[str, Target, Store]]) -> None:
    """Every case for every target of its store, plain and encrypted."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases.read_all():
        kind = case.header["store"]
        bodies = [case.body]
        store = STORES.get(kind)
        if store is not None:
            with contextlib.suppress(FluxseedError):
                bodies.append(
                    document.encrypt(case.body, RULE, store=store, randomness=lambda count: b"f" * count).content
                )
        for number, (name, _target, _store) in enumerate(targets):
            if name.partition("-")[0] in (kind, "config", "token"):
                for which, body in enumerate(bodies):
                    (folder / f"{case.name}-{number}-{which}").write_bytes(bytes([number]) + body)
    for number, (name, _target, _store) in enumerate(targets):
        if name == "pattern":
            for which, source in enumerate(
                (r"^(data|stringData)$", r"(a+)+$", r"\pL{2,9}[^[:alpha:]\d]*?(?i)x|\x{41}")
            ):
                (folder / f"pattern-{which}").write_bytes(
                    bytes([number]) + source.encode() + b"\naaaaaaaaaaaaaaaaaaaaaaaa!"
                )
        if name.endswith("-crafted"):
            body = b"\0".join(
                (
                    b"\x07x\n y",
                    b"\1-12",
                    b"\2" + b"1.5e9",
                    b"\3True",
                    b"\4" + b"2001-12-14T21:59:43.1-05:00",
                    b"\5 c",
                    b"\6\xff",
                )
            )
            (folder / name).write_bytes(bytes([number]) + body)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--target", action="append", default=[], help="a target, a store or a kind of target; all if not given"
    )
    parser.add_argument("--keep-going", action="store_true", help="collect failures instead of stopping at the first")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz-bytes"))
    own, rest = parser.parse_known_args()
    targets = chosen(own.target)
    arguments = [sys.argv[0], *rest]
    if all(word.startswith("-") for word in rest):
        write_seeds(own.corpus / "seeds", targets)
        found = own.corpus / "-".join(["found", *own.target])
        found.mkdir(parents=True, exist_ok=True)
        arguments += [
            f"-max_total_time={own.seconds}",
            f"-max_len={LONGEST + 1}",
            "-timeout=20",
            "-rss_limit_mb=2000",
            f"-artifact_prefix={own.corpus}/",
            str(found),
            str(own.corpus / "seeds"),
        ]
    call = Collector(targets, own.corpus) if own.keep_going else functools.partial(one_input, targets)
    atheris.Setup(arguments, call)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
