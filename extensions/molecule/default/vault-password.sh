#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ansible asks this script for the vault password, from the first playbook on: it is made here when
# the lab does not exist yet.
set -euo pipefail
umask 077
file="${MOLECULE_EPHEMERAL_DIRECTORY}/lab/vault-password"
if [ ! -s "$file" ]; then
  mkdir -p "${file%/*}"
  head -c 32 /dev/urandom | base64 > "$file"
fi
cat "$file"
