#!/usr/bin/env bash
# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The private keys that the play makes must not appear in anything it prints, at the highest verbosity.

set -eu

out="${OUTPUT_DIR:?}/sops_key"
rm -rf "$out"
mkdir -p "$out"
export ANSIBLE_LOCALHOST_WARNING=false
umask 077
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$out/password"
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$out/other-password"

play() {
    ansible-playbook -i cluster1, test.yml -e "folder=$out" --diff "$@" < /dev/null
}

play --vault-password-file "$out/password" -vvv > "$out/log" 2>&1 || { cat "$out/log"; exit 1; }
grep -c 'TASK \[' "$out/log"

view() {
    ansible-vault view --vault-password-file "$out/password" "$out/$1"
}
private="$(sed -n 's/^.*\(AGE-SECRET-KEY-[0-9A-Z-]*\).*$/\1/p' <(view group_vars/all/secrets.yml) <(view types.yml) "$out"/age/keys.txt.*~)"
[ "$(echo "$private" | wc -l)" -eq 5 ]
# A PGP key has many lines, each of them a part of it.
armor="$(sed -n '/BEGIN PGP PRIVATE/,/END PGP PRIVATE/s/^ *\([0-9A-Za-z+\/]\{40,\}\)$/\1/p' <(view types.yml))"
[ "$(echo "$armor" | wc -l)" -gt 3 ]
for key in $private $armor; do
    if grep -qF "$key" "$out/log"; then
        echo "a private key is in the output of the play"
        exit 1
    fi
done

# Several vault ids: a new file, or value, gets the one that is asked for, and what is there keeps its own.
ids() {
    ansible -i cluster1, cluster1 -c local -m fluxseed.gitops.sops_key --vault-id "home@$out/password" --vault-id "work@$out/other-password" \
        -a "vault_file=$out/$1.yml private_variable=$2 public_variable=$2_public ${3:-}" -e ansible_python_interpreter="$(command -v python)"
}
if ids labelled a > "$out/log"; then
    echo "a vault id was chosen by chance"
    exit 1
fi
grep -q 'several vault ids are at hand for a new file' "$out/log"
ids labelled a vault_id=work > "$out/log"
ids labelled b vault_id=home > "$out/log"
grep -qF "\$ANSIBLE_VAULT;1.2;AES256;work" "$out/labelled.yml"
printf 'head: 1\n' > "$out/values.yml"
ids values a vault_id=work > "$out/log"
ids values b vault_id=home > "$out/log"
ids values a > "$out/log"
grep -q '"changed": false' "$out/log"
[ "$(grep -o 'VAULT;1.2;AES256;[a-z]*' "$out/values.yml" | tr '\n' ' ')" = 'VAULT;1.2;AES256;work VAULT;1.2;AES256;home ' ]

# A password that does not fit: one clear message, nothing written.
before="$(cat "$out/group_vars/all/secrets.yml")"
if play --vault-password-file "$out/other-password" --tags created > "$out/log" 2>&1; then
    echo "a wrong vault password was accepted"
    exit 1
fi
grep -q 'no vault password at hand opens this file' "$out/log"
[ "$before" = "$(cat "$out/group_vars/all/secrets.yml")" ]

# No password at all.
if play --tags created > "$out/log" 2>&1; then
    echo "a missing vault password was accepted"
    exit 1
fi
grep -q 'this file needs a vault password and none was given' "$out/log"

rm -rf "$out"
