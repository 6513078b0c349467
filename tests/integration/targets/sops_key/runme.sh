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

ansible-vault view --vault-password-file "$out/password" "$out/group_vars/all/secrets.yml" > "$out/plain"
private="$(sed -n 's/^.*\(AGE-SECRET-KEY-1[0-9A-Z]*\).*$/\1/p' "$out/plain" "$out/age/keys.txt")"
[ "$(echo "$private" | wc -l)" -eq 3 ]
for key in $private; do
    if grep -q "$key" "$out/log"; then
        echo "a private key is in the output of the play"
        exit 1
    fi
done
rm "$out/plain"

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
