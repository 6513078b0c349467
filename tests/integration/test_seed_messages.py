# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message that people ask about, made by the real controllers, comes with the next step.

One repository, one Kustomization or source per message, all at the same time. Nothing is played here: when a new
version of Flux words a message in another way, its row fails.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
import time
import typing as t
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest
from by_hand import apply, install
from seeds import SECRET, Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import flux_info, flux_reconcile
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.advice import Advisor
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.waiting import Waiting
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

pytestmark = pytest.mark.lab

KUSTOMIZE, SOURCE = "kustomize.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1"
VALUE = "the-value-of-the-secret"
PLAIN = SECRET.format(name="app", value=VALUE).replace("apps", "default")
DATA = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: app, namespace: default}}\ndata: {{password: {base64.b64encode(VALUE.encode()).decode()}}}\n"
BUCKET = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: Bucket\nmetadata: {name: app, namespace: default}\n"
BUCKET += "spec: {interval: 10m, endpoint: s3.example.com, bucketName: app}\n"
WIDGET = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: app, namespace: default}\n"
PRIVATE, PUBLIC = generate_identity()
OTHER_PRIVATE, OTHER_PUBLIC = generate_identity()


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, what the controller says, and what the user is told to do."""

    message: str
    hint: tuple[str, ...]
    file: str = ""
    secret: Mapping[str, str] | None = field(default=None, repr=False)
    """Data of the Secret that the object names; None makes none."""
    spec: Mapping[str, t.Any] = field(default_factory=dict)
    kind: str = "Kustomization"


def encrypted(text: str, regex: str = "^(data|stringData)$", name: str = "x.yaml") -> str:
    """Return a manifest as SOPS encrypts it, for the first of the two keys."""
    rule = Rule.of([PUBLIC]) if name.endswith(".bin") else Rule.of([PUBLIC], encrypted_regex=regex)
    return document.encrypt(text.encode(), rule, store=store_for(name)).content.decode()


def edited(text: str) -> str:
    """Return an encrypted file in which somebody has put a value in clear."""
    return "".join(
        f"  password: {VALUE}\n" if line.startswith("  password: ENC[") else line for line in text.splitlines(True)
    )


FLOWING = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: default\nstringData:\n  password: "
    + VALUE
    + "\n"
)
DECRYPTION = {"decryption": {"provider": "sops", "secretRef": {"name": "{name}"}}}
RIGHT = {"age.agekey": PRIVATE}

CASES: dict[str, Case] = {
    "missing-secret": Case(
        r'secrets "missing-secret" not found',
        (r"missing in the namespace", r"namespace flux-system has .*malformed-key", r"one of this name in default"),
        encrypted(PLAIN), spec=DECRYPTION,
    ),
    "malformed-key": Case(
        r"failed to import 'age\.agekey' data", (r"malformed", r"age\.agekey: is a public key"),
        encrypted(PLAIN), {"age.agekey": PUBLIC}, DECRYPTION,
    ),
    "wrong-key": Case(
        r"identity did not match any of the recipients",
        (r"another key", f"the file is for {PUBLIC}", f"the key in Secret flux-system/wrong-key is {OTHER_PUBLIC}"),
        encrypted(PLAIN), {"age.agekey": OTHER_PRIVATE}, DECRYPTION,
    ),
    "misnamed-key": Case(
        r"did not find keys in locations", (r"must end in \.agekey", r"Secret flux-system/misnamed-key has age\.key"),
        encrypted(PLAIN), {"age.key": PRIVATE}, DECRYPTION,
    ),
    "no-decryption": Case(
        r"configuring decryption is required", (r"lacks spec\.decryption", r"that is Kustomization flux-system/no-decryption"),
        encrypted(DATA),
    ),
    "no-decryption-of-others": Case(
        r"\.sops: field not declared in schema", (r"lacks spec\.decryption", r"that is Kustomization"),
        encrypted(BUCKET, regex="^bucketName$"),
    ),
    # Which of the two depends on whether the token of the apiVersion happens to look like a group and a version.
    "all-encrypted": Case(
        r"no matches for kind \"ENC\[|Object 'Kind' is missing", (r"encrypted_regex",), encrypted(PLAIN, regex="")
    ),
    "encrypted-as-a-whole": Case(r"missing Resource metadata", (r"encrypted_regex",), encrypted(PLAIN, name="x.bin")),
    "edited": Case(
        r"does not match sops' data format", (r"edited after its encryption",), edited(encrypted(FLOWING)), RIGHT, DECRYPTION,
    ),
    "no-text": Case(
        r"\.stringData\.password: expected string, got \*\*\*", (r"put numbers and booleans into quotes",),
        encrypted(PLAIN.replace(VALUE, f"{{inner: {VALUE}}}")), RIGHT, DECRYPTION,
    ),
    "refused-value": Case(
        r"spec\.interval: Invalid value: \*\*\*", (r"correct it in Git",),
        encrypted(BUCKET.replace("10m", VALUE), regex="^interval$"), RIGHT, DECRYPTION,
    ),
    "wrong-path": Case(
        r"kustomization path not found", (r"spec\.path", r"its folders: .*clusters/lab"), spec={"path": "./cases/nowhere"},
    ),
    "unknown-kind": Case(r'no matches for kind "Widget"', (r"dependsOn",), WIDGET),
    "wrong-password": Case(
        r"authentication required", (r"refuses the credential", r"Secret flux-system/wrong-password has password, username"),
        secret={"username": "git", "password": "not-the-password"}, kind="GitRepository",
    ),
    "wrong-branch": Case(
        r"couldn't find remote ref", (r"not in the remote", r"its branches: main"),
        secret={}, spec={"ref": {"branch": "nope"}}, kind="GitRepository",
    ),
    "missing-git-secret": Case(
        r'secrets "missing-git-secret" not found', (r"missing in the namespace",), kind="GitRepository",
    ),
    "ssh-refused": Case(
        r"unable to authenticate", (r"refuses the credential", r"has identity, known_hosts"),
        secret={"identity": "{other identity}", "known_hosts": "{known_hosts}"}, spec={"url": "{ssh}"}, kind="GitRepository",
    ),
    "ssh-unknown-host": Case(
        r"knownhosts: key is unknown", (r"known_hosts", r"git\.example\.com ssh-ed25519 SHA256:"),
        secret={"identity": "{identity}", "known_hosts": "git.example.com {key}"}, spec={"url": "{ssh}"}, kind="GitRepository",
    ),
    "ssh-other-host-key": Case(
        r"knownhosts: key mismatch", (r"known_hosts", r"127\.0\.0\.1\]:\d+ ssh-ed25519 SHA256:"),
        secret={"identity": "{identity}", "known_hosts": "{other known_hosts}"}, spec={"url": "{ssh}"}, kind="GitRepository",
    ),
}  # fmt: skip


@contextmanager
def ssh_server() -> Iterator[dict[str, str]]:
    """A server that takes one key; yields what a person would put into a Secret."""
    host, client, other = (asyncssh.generate_private_key("ssh-ed25519") for _which in range(3))
    public = host.export_public_key().decode().strip()
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        keys = asyncssh.import_authorized_keys(client.export_public_key().decode())
        return await asyncssh.listen("127.0.0.1", 0, server_host_keys=[host], authorized_client_keys=keys)

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    address = f"127.0.0.1:{acceptor.get_port()}"
    try:
        yield {
            "ssh": f"ssh://git@{address}/lab.git",
            "key": public,
            "known_hosts": f"[127.0.0.1]:{acceptor.get_port()} {public}\n",
            "other known_hosts": f"[127.0.0.1]:{acceptor.get_port()} {stranger}\n",
            "identity": client.export_private_key().decode(),
            "other identity": other.export_private_key().decode(),
        }
    finally:
        loop.call_soon_threadsafe(acceptor.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def objects(name: str, case: Case, git_url: str, values: Mapping[str, str]) -> Iterator[dict[str, t.Any]]:
    """Yield the objects of a case."""

    def filled(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        for word, text in {"name": name, **values}.items():
            value = value.replace("{" + word + "}", text) if isinstance(value, str) else value
        return value

    metadata = {"name": name, "namespace": "flux-system"}
    if case.secret:
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": filled(dict(case.secret))}
    spec: dict[str, t.Any] = {"interval": "10m"}
    if case.kind == "GitRepository":
        spec |= {
            "url": git_url,
            "secretRef": {"name": "flux-system" if case.secret == {} else name},
            "ref": {"branch": "main"},
        }
        yield {
            "apiVersion": SOURCE,
            "kind": case.kind,
            "metadata": metadata,
            "spec": {**spec, **filled(dict(case.spec))},
        }
        return
    spec |= {"path": f"./cases/{name}", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}
    yield {
        "apiVersion": KUSTOMIZE,
        "kind": case.kind,
        "metadata": metadata,
        "spec": {**spec, **filled(dict(case.spec))},
    }


@dataclass(frozen=True)
class Told:
    """What a wait for one case has ended with."""

    error: FluxError
    progress: list[str]
    seconds: float


def wait_for(api: Api, name: str, case: Case) -> Told:
    """Wait for the object of a case, as a run does."""
    told: list[str] = []
    target = Reference(SOURCE if case.kind == "GitRepository" else KUSTOMIZE, case.kind, "flux-system", name)
    source = Reference(SOURCE, "GitRepository", "flux-system", "flux-system")
    is_source = case.kind == "GitRepository"
    advisor = Advisor(api, branches=lambda: ["main"], folders=lambda: ["apps", "clusters/lab"])
    deadline = Deadline(30)

    def tell(message: str) -> None:
        told.append(message)
        if name == "unknown-kind" and case.message[:20] in message:
            # It could come from something else later on, so that only the end of patience makes it a failure.
            deadline.end = 0

    waiting = Waiting(
        api, target if is_source else source, source if is_source else target, deadline, tell, advise=advisor
    )
    began = time.monotonic()
    try:
        waiting.arrive(ask_source=False, ask_tree=False, fresh=True)
    except FluxError as error:
        return Told(error, told, time.monotonic() - began)
    return Told(FluxError("did not fail"), told, time.monotonic() - began)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seeds, dict[str, Told]]]:
    """All cases at once, on one lab."""
    with started(tmp_path_factory.mktemp("messages")) as seeds, ssh_server() as values:
        files = {f"cases/{name}/app.yaml": case.file for name, case in CASES.items() if case.file}
        seeds.publish(**files)
        install(seeds)
        seeds.kubectl("create", "secret", "generic", "missing-secret", "--namespace=default")
        every = [item for name, case in CASES.items() for item in objects(name, case, seeds.facts["git_url"], values)]
        apply(seeds, *every)
        with seeds.api() as api, ThreadPoolExecutor(len(CASES)) as pool:
            told = pool.map(lambda name: wait_for(api, name, CASES[name]), CASES)
            yield seeds, dict(zip(CASES, told, strict=True))


@pytest.fixture
def outcomes(lab: tuple[Seeds, dict[str, Told]]) -> dict[str, Told]:
    """What the wait for each of them has ended with."""
    return lab[1]


@pytest.mark.parametrize("name", CASES)
def test_the_message_comes_with_the_next_step(outcomes: dict[str, Told], name: str) -> None:
    """The message is that of the controller; the hint says what is there instead."""
    error, case = outcomes[name].error, CASES[name]
    assert error.hint, str(error)
    for part in (case.message, *case.hint):
        assert _found(part, str(error)), f"{part}\nnot in\n{error}"


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


@pytest.mark.parametrize("name", CASES)
def test_nothing_that_is_told_holds_a_value(outcomes: dict[str, Told], name: str) -> None:
    """Neither values nor keys nor passwords, in the error, its events and the progress."""
    told = outcomes[name]
    insist_on_silence("\n".join([str(told.error), *told.progress]))


def insist_on_silence(text: str) -> None:
    """No secret is in the text."""
    for secret in (VALUE, base64.b64encode(VALUE.encode()).decode(), "not-the-password", PRIVATE, OTHER_PRIVATE):
        assert secret not in text
    assert "PRIVATE KEY" not in text


def test_modules_without_keys_hide_what_the_cluster_quotes_of_secrets(lab: tuple[Seeds, dict[str, Told]]) -> None:
    """Flux itself repeats decrypted values in conditions; neither the state nor the end of a reconcile does."""
    seeds, _told = lab
    told = seeds.kubectl("get", "kustomization", "-n", "flux-system", "no-text", "refused-value", "-o", "json")
    assert told.count(VALUE) >= 2, "Flux has become better, and this has nothing to hide"
    login = {"kubeconfig": seeds.facts["kubeconfig"]}
    insist_on_silence(json.dumps(flux_info.run(Call(params=login))))
    options = {name: option.get("default") for name, option in flux_reconcile.ARGUMENT_SPEC.items()}
    progress: list[str] = []
    call = Call({**options, **login, "name": "no-text", "with_source": False, "timeout": 20}, progress=progress.append)
    ended = flux_reconcile.run(call)
    assert ended["failed"]
    assert "expected string, got ***" in ended["msg"]
    insist_on_silence(json.dumps([ended, progress]))


def test_failures_are_told_long_before_the_end_of_patience(outcomes: dict[str, Told]) -> None:
    """The time includes that of the controllers, all cases at once on two cores."""
    slow = {name: told.seconds for name, told in outcomes.items() if told.seconds > 15}
    assert not slow


def test_that_the_cases_are_files(tmp_path: Path) -> None:
    """A file that was not encrypted would make every case pass for a wrong reason."""
    assert all(VALUE not in case.file for name, case in CASES.items() if name != "edited")
    assert VALUE in CASES["edited"].file
