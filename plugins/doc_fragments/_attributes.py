# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module says about check mode, diff mode, idempotence and where it runs.

Private to the collection.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode. Secrets are masked.
    support: full
  idempotent:
    description: When run twice in a row outside of check mode with the same arguments, the second run changes nothing and says so.
    support: full
  platform:
    description: Target operating system that can be operated against.
    support: full
    platforms: posix
"""

    IN_PROCESS = r"""
options: {}
attributes:
  action:
    description: Has an action plugin, which runs on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: partial
    details:
      - With C(async) the module runs on the target as any other, and Ansible keeps its arguments in a file there while it runs.
notes:
  - With a local connection and without C(become) the work is done in the process of Ansible itself. No Python process is started,
    no argument is written to a file, and the interpreter is that of Ansible, whatever C(ansible_python_interpreter) says.
  - Otherwise it runs as a module on the target. Set C(ansible_pipelining=true) then, because without pipelining Ansible keeps the
    arguments in a file on the target while the module runs.
requirements:
  - python >= 3.11 where it runs
"""
