# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry of the console script `fluxseed`: reads the command line, calls a verb, says what went wrong.

Private to the collection. Imports only what the verb at hand needs; start-up is most of the time that
decrypting a small file takes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import sys
import typing as t
from collections.abc import Sequence

from ...module_utils._errors import FluxseedError
from .streams import Streams

VERBS = ("encrypt", "decrypt", "set", "check", "flux-manifests", "flux-status")
"""Each is a file here, with `_` for `-`."""

USAGE_ERROR = 1
UNEXPECTED = 1
INTERRUPTED = 130

DESCRIPTION = """\
Encrypt, decrypt and change files with SOPS, without the sops program; check a repository for Flux, and look at Flux
in a cluster. encrypt, decrypt and set have the options and exit codes of sops, as far as they go, and either program
reads the files of the other."""

EPILOG = """\
Private keys are looked for where sops looks for them: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD,
SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, ~/.ssh/id_ed25519 and id_rsa, and sops/age/keys.txt
in the configuration folder of the user; then gpg and the key services that a file names.

Examples:
  fluxseed encrypt -i apps/database/secret.yaml     encrypt in place by the rules in .sops.yaml
  fluxseed decrypt apps/database/secret.yaml        print the decrypted file
  fluxseed set apps/database/secret.yaml '["stringData"]["user"]' '"app"'
                                                    change one value, and only its line
  make-a-secret | fluxseed encrypt --filename-override apps/db/secret.yaml --output apps/db/secret.yaml
                                                    what another program prints, never in clear on disk"""


class _Formatter(argparse.HelpFormatter):
    """Knows the width of the terminal: argparse makes one for every option, and would load shutil to ask it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


class _RawFormatter(_Formatter, argparse.RawDescriptionHelpFormatter):
    """The same for texts that have lines of their own."""


def _width() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) - 2
    except ValueError:
        return (os.get_terminal_size().columns if sys.stdout.isatty() else 80) - 2


class _Parser(argparse.ArgumentParser):
    def __init__(self, *arguments: t.Any, **settings: t.Any) -> None:
        super().__init__(*arguments, **{"formatter_class": _Formatter, **settings})

    def error(self, message: str) -> t.NoReturn:
        """Leave with the exit code of sops; that of argparse means something else there."""
        from .messages import describe_usage  # noqa: PLC0415 - start-up time

        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, describe_usage(message, self.prog))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_ignored: t.Any) -> None:
        from .version import version  # noqa: PLC0415 - start-up time

        sys.stdout.write(f"fluxseed {version()}\n")
        parser.exit()


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of one verb, or of the whole command line."""
    parser = _Parser(
        prog="fluxseed",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=_RawFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    # With `prog`, argparse need not format a usage line (and load what that takes) to find it out.
    verbs = parser.add_subparsers(
        title="verbs", metavar="VERB", dest="verb", required=True, parser_class=_Parser, prog="fluxseed"
    )
    for name in [verb] if verb else VERBS:
        importlib.import_module(f".{name.replace('-', '_')}", __package__).register(verbs)
    return parser


def main(arguments: Sequence[str] | None = None, streams: Streams | None = None) -> int:
    """Run the command line and return the exit code."""
    streams = streams or Streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    # A verb that stands first, where it nearly always does, is the only one whose file is needed.
    options = build_parser(words[0] if words and words[0] in VERBS else None).parse_args(words)
    try:
        options.run(options, streams)
        streams.flush()
    except FluxseedError as exc:
        from .messages import describe  # noqa: PLC0415 - start-up time

        streams.complain(describe(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has had enough; Python must not complain about it once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as exc:  # noqa: BLE001 - its message, and a traceback, may hold a secret
        from .messages import describe_unexpected  # noqa: PLC0415 - start-up time

        streams.complain(describe_unexpected(exc))
        return UNEXPECTED
    return 0


def run() -> t.NoReturn:
    """The console script. A process that lives for one verb does not look for cycles, nor tidy up before it ends."""
    gc.disable()
    code = main()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
