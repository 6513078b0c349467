#!/usr/bin/env bash
# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The values that the play encrypts, and its private key, must not appear in anything it prints, at the highest verbosity.

set -eu

out="${OUTPUT_DIR:?}/sops_secret"
rm -rf "$out"
mkdir -p "$out/repository"
export ANSIBLE_LOCALHOST_WARNING=false
unset SOPS_AGE_KEY SOPS_AGE_KEY_FILE SOPS_AGE_KEY_CMD
CANARY="canary$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
export CANARY XDG_CONFIG_HOME="$out/config"

ansible-playbook -i cluster1, test.yml -e "folder=$out" --diff -vvv < /dev/null > "$out/log" 2>&1 || { cat "$out/log"; exit 1; }
grep -c 'TASK \[' "$out/log"

private="$(sed -n 's/^\(AGE-SECRET-KEY-1.*\)$/\1/p' "$out/keys.txt")"
for secret in "$CANARY" "$private"; do
    if grep -rlF -e "$secret" "$out/log" "$out/repository"; then
        echo "a secret is in the output of the play or in the repository"
        exit 1
    fi
done
rm -rf "$out"
