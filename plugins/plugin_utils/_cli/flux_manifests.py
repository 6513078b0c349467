# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed flux-manifests`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os
import typing as t

from ...module_utils._errors import FluxseedError
from .streams import Streams

DESCRIPTION = """\
Write the files of Flux for one cluster into a repository, below PATH/flux-system: gotk-components.yaml from the
install.yaml of a release, gotk-sync.yaml with decryption, and kustomization.yaml if there is none. Nothing is
committed, and no cluster is asked.

Of a gotk-sync.yaml that is there, only the URL, the ref and the path are changed, and decryption is added where there
is none; everything else that is in it stays. Run it again with a newer release to upgrade."""

EPILOG = """\
exit codes:
  0  the files are as they should be, or are now
  1  with --check: a file would change
  2  an error, such as another checksum or an older release

examples:
  fluxseed flux-manifests --path clusters/home --url https://git.example.com/me/homelab.git \\
      --from https://github.com/fluxcd/flux2/releases/download/v2.9.5/install.yaml \\
      --sha256 6d3a…      # from the checksum file of the release
  fluxseed flux-manifests --path clusters/home --check --url … --from … --sha256 …     for CI"""


TROUBLE = 2


class ChangesError(FluxseedError):
    """With --check: a file would change. Told by the lines before it."""

    exit_code = 1


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    from .main import _RawFormatter  # noqa: PLC0415 - only for --help

    parser = verbs.add_parser(
        "flux-manifests",
        help="write the files of Flux into a repository",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=_RawFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--repository", metavar="DIR", default=".", help="root of the work tree; the current directory")
    parser.add_argument(
        "--path", required=True, help="the folder of the cluster in the repository, such as clusters/home"
    )
    parser.add_argument("--url", required=True, help="URL of the repository as the cluster fetches it")
    parser.add_argument("--branch", default="", help="branch that the cluster follows; the ref that is there, or main")
    parser.add_argument(
        "--from", dest="origin", required=True, metavar="FILE|URL", help="install.yaml of a Flux release"
    )
    parser.add_argument("--sha256", required=True, help="its SHA-256, in hexadecimal digits")
    parser.add_argument(
        "--git-secret", metavar="NAME", default="flux-system", help="Secret with the Git credential; flux-system"
    )
    parser.add_argument("--public", action="store_true", help="the repository needs no credential: name no Secret")
    parser.add_argument("--sops-secret", metavar="NAME", default="sops-age", help="Secret with the keys; sops-age")
    parser.add_argument("--check", action="store_true", help="write nothing; say what would change")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Write the files, or say which would be written."""
    try:
        _run(options, streams)
    except ChangesError:
        raise
    except FluxseedError as exc:
        # As with diff: 1 says that something differs.
        exc.exit_code = TROUBLE
        raise


def _run(options: argparse.Namespace, streams: Streams) -> None:
    from ...module_utils._files import make_directory, read_file_if_exists, replace_file  # noqa: PLC0415 - start-up time
    from ...module_utils._flux import pinned  # noqa: PLC0415
    from ...module_utils._flux.manifests import COMPONENTS_FILE, SYNC_FILE, clean_path  # noqa: PLC0415
    from ...module_utils._flux.repository_manifests import (  # noqa: PLC0415
        KUSTOMIZATION_FILE,
        Following,
        plan_files,
    )
    from ...module_utils._flux.settings import Pinned  # noqa: PLC0415
    from ...module_utils._git.credential import check_url  # noqa: PLC0415

    check_url(options.url)
    entry = Pinned(options.origin, options.sha256.lower())
    pinned.check(entry)
    components = pinned.fetch(entry, os.environ)
    folder = os.path.normpath(os.path.join(options.repository, clean_path(options.path), "flux-system"))  # noqa: PTH118 - start-up time
    names = (COMPONENTS_FILE, SYNC_FILE, KUSTOMIZATION_FILE)
    there = {name: read_file_if_exists(os.path.join(folder, name)) for name in names}  # noqa: PTH118
    files = plan_files(
        components.content,
        Following(
            url=options.url,
            branch=options.branch,
            path=options.path,
            git_secret="" if options.public else options.git_secret,
            sops_secret=options.sops_secret,
        ),
        {name: content for name, content in there.items() if content is not None},
        where=options.origin,
    )
    streams.warn(files.warnings)
    if files.changed and not options.check:
        make_directory(folder)
    for name, content in files.changed.items():
        path = os.path.join(folder, name)  # noqa: PTH118
        word = "changed" if there[name] is not None else "new"
        if not options.check:
            replace_file(path, content)
        streams.write(f"{word}: {path}\n".encode())
    if files.changed and options.check:
        raise ChangesError(f"{len(files.changed)} of {len(names)} files would change", hint="run it without --check")
