#!/usr/bin/env bash
# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eu

out="${OUTPUT_DIR:?}/lookup_sops"
rm -rf "$out"
mkdir -p "$out"
unset SOPS_AGE_KEY SOPS_AGE_KEY_FILE SOPS_AGE_KEY_CMD
export XDG_CONFIG_HOME="$out/config"

umask 077
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$out/password"
printf '# head\n' > "$out/inline.yml"
ansible-playbook -i cluster1, test.yml -e "folder=$out" --vault-password-file "$out/password" "$@" < /dev/null
SOPS_AGE_KEY_FILE="$out/keys.txt" ansible-playbook -i cluster1, test.yml -e "folder=$out" --tags environment "$@" < /dev/null
ANSIBLE_SOPS_AGE_KEYFILE="$out/keys.txt" ansible-playbook -i cluster1, test.yml -e "folder=$out" --tags environment "$@" < /dev/null
rm -rf "$out"
