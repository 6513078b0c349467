# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message of a Flux controller means, and what to do about it.

Private to the collection. Pure. What the cluster and Git add to a hint is in `advice.py`.
"""

from __future__ import annotations

import re
import typing as t

from .._kubernetes.compare import MASK
from .._sops import private_keys


class Hint(t.NamedTuple):
    """A known message."""

    name: str
    pattern: str
    text: str


OTHER_KEY = "the file is encrypted for another key than the one in the cluster: seed the right key, or encrypt the file anew (docs/day-two.md says how)"

# The order counts: a message often quotes a general one at its end.
HINTS: tuple[Hint, ...] = (
    Hint(
        "pgp_key",
        r"failed to import '[^']*\.asc' data",
        "gpg of kustomize-controller does not take that PGP key: it has to be an armored private key without a passphrase",
    ),
    Hint(
        "malformed_key",
        r"failed to import '[^']*' data|malformed secret key",
        "the decryption key in the cluster is malformed: an age key starts with AGE-SECRET-KEY-",
    ),
    Hint(
        "no_key_entry",
        r"failed to load age identities|did not find keys in locations",
        "the decryption Secret has no usable entry: its data keys must end in .agekey",
    ),
    Hint(
        "missing_secret",
        r"secrets? \"?[^\" ]*\"? not found",
        "that Secret is missing in the namespace of the object: compare spec.decryption.secretRef or spec.secretRef in Git",
    ),
    Hint(
        "edited_file",
        r"does not match sops' data format",
        "the file was edited after its encryption: encrypt it again",
    ),
    Hint(
        "other_key",
        r"identity did not match any of the recipients|no identity matched any of the recipients",
        OTHER_KEY,
    ),
    Hint(
        "key_service",
        r"failed to decrypt sops data key (with (aws|gcp|azure)|from vault)",
        "kustomize-controller could not use the key service: has its ServiceAccount an identity there, or the decryption"
        " Secret a credential, and may that one decrypt with this key?",
    ),
    Hint("other_key", r"cannot get sops data key|failed to get the data key", OTHER_KEY),
    Hint(
        "no_decryption",
        r"configuring decryption is required|\.sops: field not declared in schema",
        "the Kustomization lacks spec.decryption: add provider sops and its secretRef in Git",
    ),
    Hint(
        "all_encrypted",
        r"object 'kind' is missing|missing resource metadata|failed to decode kubernetes apiversion, kind and name|no matches for kind \"ENC\[",
        "all values of the file are encrypted: set encrypted_regex to ^(data|stringData)$ in .sops.yaml and encrypt again",
    ),
    Hint(
        "host_key",
        r"knownhosts: key (is unknown|mismatch)",
        "known_hosts in the Git Secret does not have the host's key",
    ),
    Hint(
        "credential",
        r"authentication required|invalid credentials|authentication failed|unable to authenticate|repository not found",
        "the Git server refuses the credential in the cluster: check user name, token or key, and its right to read",
    ),
    Hint(
        "branch",
        r"couldn't find remote ref|reference not found",
        "the branch is not in the remote: compare spec.ref.branch in gotk-sync.yaml with its branches",
    ),
    Hint(
        "path",
        r"kustomization path not found",
        "spec.path of the Kustomization names a folder that is not in the repository",
    ),
    Hint(
        "missing_namespace",
        r"namespaces \"[^\"]*\" not found",
        "the namespace comes from something else: add it to dependsOn of the Kustomization, or the namespace to its files",
    ),
    Hint(
        "unknown_kind",
        r"no matches for kind",
        "the definition of this kind comes from something else: add it to dependsOn of the Kustomization",
    ),
    Hint(
        "no_text",
        r"\.(stringData|data)\S*: expected (string|map), got",
        "a Secret or ConfigMap holds texts only: put numbers and booleans into quotes, then encrypt the file again",
    ),
    Hint(
        "refused_value",
        r"\b(invalid|unsupported) value: ",
        "the API server refuses what the field holds: correct it in Git; it is not shown, as it may have been decrypted",
    ),
)

# What the API server, and the library of Flux before it, quote of an object may have been decrypted. Names are not.
_TYPED = re.compile(r"(: expected [^,\n]{1,60}, got )&.*?(?=\n\s*\.\S+: |\Z)", re.DOTALL)
_REFUSED = re.compile(
    r"(?P<field>(?:(?<!\S)[^\s:]+(?: [^:\n]{0,200}\])?: )?(?:Invalid|Unsupported|Duplicate) value: )"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|[\[{(](?:.*?[\]})](?=: |$)|.*)|[^\s:,\"]+)",
    re.DOTALL,
)
_DECODED = re.compile(r"error found in #\d+ byte of .*", re.DOTALL)
_SHORTEST = 4
"""Of a quoted value, to be looked for in all of the message."""
_NO_VALUES = frozenset({'"object"', '"<secret contents redacted>"', "null"})

# These pass by themselves once something else is there; they are worth waiting for.
_PASSING = re.compile(
    r"no matches for kind \"(?!ENC\[)|namespaces \"[^\"]*\" not found|failed calling webhook|connection refused|i/o timeout"
    r"|no such host|context deadline exceeded|the server is currently unable|tls handshake timeout|network is unreachable",
    re.IGNORECASE,
)


def known(message: str) -> Hint | None:
    """Return what is known about a message, None when it is new."""
    flat = flatten(message)
    return next((hint for hint in HINTS if re.search(hint.pattern, flat, re.IGNORECASE)), None)


def hint_for(message: str) -> str | None:
    """Return the next step for a message, None when it is not a known one."""
    hint = known(message)
    return hint.text if hint else None


def is_passing(message: str) -> bool:
    """Return whether a failure with this message may well be gone at the next try."""
    return bool(_PASSING.search(flatten(message)))


def flatten(message: str) -> str:
    """Return a message in one line, without what could be a secret; SOPS draws bars and breaks lines in its own."""
    return " ".join(re.sub(r"(^|\s)(- )?\|(?=\s)", " ", _without_quotes(private_keys.masked(message, MASK))).split())


def _without_quotes(message: str) -> str:
    """Take out what a message quotes of the content of an object; field and reason stay."""
    hidden: set[str] = set()

    def hide(found: re.Match[str]) -> str:
        if found["field"].startswith("metadata.") or found["value"] in _NO_VALUES:
            return found[0]
        hidden.add(found["value"].strip('"'))
        return found["field"] + MASK

    clean = _REFUSED.sub(hide, _TYPED.sub(rf"\1{MASK}", _DECODED.sub(MASK, message)))
    for value in sorted(hidden, key=len, reverse=True):
        clean = clean.replace(value, MASK) if len(value) >= _SHORTEST else clean
    return clean
