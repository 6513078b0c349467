# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message of a Flux controller means, and what to do about it.

Private to the collection.
"""

from __future__ import annotations

import re

_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"failed to import '[^']*' data|malformed secret key",
        "the decryption key in the cluster is malformed: an age key starts with AGE-SECRET-KEY-",
    ),
    (
        r"failed to load age identities|did not find keys in locations",
        "the decryption Secret has no usable entry: its data keys must end in .agekey",
    ),
    (
        r"secrets \"[^\"]*\" not found",
        "that Secret is missing in the namespace of the object: compare spec.decryption.secretRef or spec.secretRef in Git",
    ),
    (
        r"identity did not match any of the recipients|cannot get sops data key|failed to get the data key",
        "the file is encrypted for another key than the one in the cluster: seed the right key, or sops updatekeys",
    ),
    (
        r"configuring decryption is required|\.sops: field not declared in schema",
        "the Kustomization lacks spec.decryption: add provider sops and its secretRef in Git",
    ),
    (
        r"object 'kind' is missing|failed to decode kubernetes apiversion, kind and name",
        "all values of the file are encrypted: set encrypted_regex to ^(data|stringData)$ in .sops.yaml and encrypt again",
    ),
    (r"does not match sops' data format", "the file was edited after its encryption: encrypt it again"),
    (
        r"authentication required|invalid credentials|authentication failed|unable to authenticate|repository not found",
        "the Git server refuses the credential in the cluster: check user name, token, and its right to read",
    ),
    (r"knownhosts: key (is unknown|mismatch)", "known_hosts in the Git Secret does not have the host's key"),
    (
        r"couldn't find remote ref|reference not found",
        "the branch is not in the remote: compare spec.ref.branch in gotk-sync.yaml with its branches",
    ),
    (
        r"kustomization path not found",
        "spec.path of the Kustomization names a folder that is not in the repository",
    ),
    (
        r"no matches for kind",
        "the definition of this kind comes from something else: add it to dependsOn of the Kustomization",
    ),
)

# These pass by themselves once something else is there; they are worth waiting for.
_PASSING = re.compile(
    r"no matches for kind|failed calling webhook|connection refused|i/o timeout|no such host|context deadline exceeded"
    r"|the server is currently unable",
    re.IGNORECASE,
)


def hint_for(message: str) -> str | None:
    """Return the next step for a message, None when it is not a known one."""
    flat = flatten(message)
    return next((hint for pattern, hint in _HINTS if re.search(pattern, flat, re.IGNORECASE)), None)


def is_passing(message: str) -> bool:
    """Return whether a failure with this message may well be gone at the next try."""
    return bool(_PASSING.search(flatten(message)))


def flatten(message: str) -> str:
    """Return a message in one line; SOPS draws bars and breaks lines in its own."""
    return " ".join(re.sub(r"(^|\s)(- )?\|(?=\s)", " ", message).split())
