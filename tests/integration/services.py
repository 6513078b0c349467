# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a cloud (moto), OpenBao and a registry, as processes on the loopback, and the clients of key services.

`make services` runs this file: it makes the environments for them once, in the cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import cache_folder
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.ports import free_port

_REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
SERVERS, CLIENTS = _REQUIREMENTS / "services.txt", _REQUIREMENTS / "keys.txt"
START_SECONDS = 60


def environment(requirements: Path = SERVERS) -> Path:
    """Return a virtual environment, by default that of the stand-ins; made if need be, and anew when the pins change."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / requirements.stem / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "ready").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements]
        subprocess.run([folder / "bin" / "python", *install], check=True)
        (folder / "ready").touch()
    return folder


@contextmanager
def running(command: list[str | Path], url: str, log: Path) -> Iterator[str]:
    """Start a server, wait until it answers, and end it with the test."""
    # It ends with this process too, however that ends.
    words = ["setpriv", "--pdeathsig", "TERM", *map(str, command)]
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            _await(process, url, log)
            yield url
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The services of AWS that moto knows; yields their one endpoint."""
    port = free_port()
    python = environment() / "bin" / "python"
    command: list[str | Path] = [python, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}", folder / "moto.log") as url:
        yield url


def clients() -> str:
    """Return the folder with the clients of the key services, to be put behind those of .venv in `sys.path`."""
    python = environment(CLIENTS) / "bin" / "python"
    command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def openbao(folder: Path, root_token: str, *, tls: bool = False) -> Iterator[str]:
    """A real OpenBao server in memory, unsealed, with this token for all; yields its address.

    With `tls` the certificate of its authority is in `vault-ca.pem` of the folder.
    """
    port = free_port()
    command = [
        environment() / "bin" / "bao",
        "server",
        "-dev",
        "-dev-no-store-token",
        f"-dev-root-token-id={root_token}",
    ]
    command += [f"-dev-listen-address=127.0.0.1:{port}"]
    if tls:
        command += ["-dev-tls", f"-dev-tls-cert-dir={folder}"]
    # Asked without TLS, a server with it answers with an error, and that is enough.
    with running(command, f"http://127.0.0.1:{port}/v1/sys/health", folder / "openbao.log") as url:
        yield url.removesuffix("/v1/sys/health").replace("http:", "https:" if tls else "http:")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """An OCI registry in memory, without a login; yields host and port."""
    port = free_port()
    command: list[str | Path] = [oracle("registry"), "-port", str(port)]
    with running(command, f"http://127.0.0.1:{port}/v2/", folder / "registry.log") as url:
        yield url.removeprefix("http://").removesuffix("/v2/")


def push_artifact(host: str, name: str, tag: str, content: bytes) -> str:
    """Put a tar.gz into a registry as Flux's artifacts are; returns its digest."""
    config, layer = b"{}", content
    for blob in (config, layer):
        _nothing, place = send(f"http://{host}/v2/{name}/blobs/uploads/", "POST", b"")
        place = place if place.startswith("http") else f"http://{host}{place}"
        send(f"{place}{'&' if '?' in place else '?'}digest={_digest(blob)}", "PUT", blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _described("application/vnd.cncf.flux.config.v1+json", config),
        "layers": [_described("application/vnd.cncf.flux.content.v1.tar+gzip", layer)],
    }
    body = json.dumps(manifest).encode()
    send(f"http://{host}/v2/{name}/manifests/{tag}", "PUT", body, Content_Type=str(manifest["mediaType"]))
    return _digest(body)


def _described(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(blob), "digest": _digest(blob)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def send(url: str, method: str, body: bytes | None = None, **headers: str) -> tuple[bytes, str]:
    """Send one request to a stand-in; returns the answer and where it says to go on."""
    # Without a type, urllib calls a body a form, and moto takes it for one.
    names = {"Content-Type": "application/octet-stream"} if body is not None else {}
    names |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers=names)  # noqa: S310 - of a test
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - of a test
        return answer.read(), answer.headers.get("Location") or ""


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            send(url, "GET")
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{url} does not answer\n{log.read_text(errors='replace')}")


if __name__ == "__main__":
    environment(SERVERS)
    environment(CLIENTS)
