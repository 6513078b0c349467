# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key service: 1,000 files with a data key each, 16 requests in flight, against one file after the other by sops.

Run alone it prints the rows; `run(runs)` returns them for the report of `make bench`. The service is a server of this file in
a process of its own, which answers `Decrypt` of AWS KMS after 50 ms, as one of a region nearby would.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import Figures, Result, alone, call, process

FILES, BY_SOPS = 1000, 50
SECONDS = 0.05
"""How long the service takes for an answer."""
ARN = "arn:aws:kms:eu-west-1:123456789012:key/1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


def run(runs: int = 5) -> list[Result]:
    """Measure with files made for it."""
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import side_by_side
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
    from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle
    from ansible_collections.fluxseed.gitops.tests.integration import services

    sys.path.append(services.clients())
    store = store_for("x.yaml")
    rule = Config.parse(f"creation_rules: [{{kms: '{ARN}'}}]\n", path="/r/.sops.yaml").rule_for("/r/x.yaml")
    sops = oracle("sops")
    with serving() as url, tempfile.TemporaryDirectory() as name:
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": url}
        around = Surroundings(environment, "/nowhere", lambda _path: None, lambda _words, _more: "")
        maker = gather(around).services

        def made(number: int) -> bytes:
            return document.encrypt(f"a: {number}\n".encode(), rule, store=store, services=maker).content

        contents = side_by_side(made, range(FILES))

        def decrypt_all() -> None:
            ring = gather(around)
            ring.prefetch([document.status(content, store=store) for content in contents])
            for content in contents:
                document.decrypt(content, ring, store=store)

        ours = alone(call(decrypt_all), runs=min(runs, 5))
        for number, content in enumerate(contents[:BY_SOPS]):
            Path(name, f"{number}.yaml").write_bytes(content)
        loop = f'for file in {name}/*.yaml; do {sops} decrypt "$file" || exit 1; done'
        more = {**environment, "HOME": name, "SOPS_DISABLE_VERSION_CHECK": "true"}
        theirs = Figures((process(["/bin/sh", "-c", loop], environment=more)(),))
    what = f"{FILES:,} files with a data key each of a key service that answers after {SECONDS * 1000:.0f} ms"
    ratio = (theirs.median / BY_SOPS) / (ours.median / FILES)
    return [
        Result(f"{what}: all of them", "its answers one by one", FILES * SECONDS / ours.median, 5.0, ours=ours),
        Result(f"{what}: decrypt in process, per file", "shell loop of sops", ratio, 10.0),
    ]


# --- the service ----------------------------------------------------------------------------------------


@contextmanager
def serving() -> Iterator[str]:
    """Start the service; yields its address."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as process_:
        try:
            yield f"http://127.0.0.1:{process_.stdout.readline().strip()}"  # type: ignore[union-attr]
        finally:
            process_.terminate()


async def _serve() -> None:
    server = await asyncio.start_server(_converse, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await _head(reader):
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        asked = json.loads(await reader.readexactly(int(length.partition(":")[2])))
        await asyncio.sleep(SECONDS)
        if "Plaintext" in asked:
            answer = {"CiphertextBlob": base64.b64encode(b"blob" + base64.b64decode(asked["Plaintext"])).decode()}
        else:
            answer = {"Plaintext": base64.b64encode(base64.b64decode(asked["CiphertextBlob"])[4:]).decode()}
        body = json.dumps({**answer, "KeyId": ARN}).encode()
        kind = b"Content-Type: application/x-amz-json-1.1\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


def main() -> int:
    """Print the rows; a failure when one is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be the service")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return 0
    from bench_report import line

    rows = run(options.runs)
    for row in rows:
        print(line(row))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    sys.exit(main())
