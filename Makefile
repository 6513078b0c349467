# SPDX-License-Identifier: GPL-3.0-or-later
# Everything a person or a CI job does here. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Ansible leaves flushing to Python: without this, progress in a log would come all at once at the end.
export PYTHONUNBUFFERED := 1

PYTHON ?= python3
INVENTORY ?=
VAULT_PASSWORD_FILE ?=
ANSIBLE_ARGS ?=

VENV := $(CURDIR)/.venv
LAB := $(CURDIR)/.lab
BIN := $(VENV)/bin
RUN_READY := $(VENV)/ready-to-run
TEST_READY := $(VENV)/ready-to-test
BENCH_READY := $(VENV)/ready-to-bench
COMPONENTS ?= []

# A demo never touches a real cluster: the lab's commands run without KUBECONFIG and name their own.
LAB_ENV := env -u KUBECONFIG ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false
FLUX_LAB = $(LAB_ENV) $(BIN)/ansible localhost -c local -i localhost, -m fluxseed.gitops.flux_lab \
	-e ansible_python_interpreter=$(BIN)/python -a
LAB_PLAYBOOK = $(LAB_ENV) $(BIN)/ansible-playbook -i $(LAB)/inventory --vault-password-file $(LAB)/vault-password

.PHONY: help
help: ## list the targets
	@echo "make provision   seed the clusters; on the embedded lab unless INVENTORY is given"
	@echo "make test        all checks and tests"
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "INVENTORY=path            inventory with a group 'clusters', each host one cluster"
	@echo "KUBECONFIG=path           used only together with INVENTORY"
	@echo "VAULT_PASSWORD_FILE=path  password of your Ansible Vault files, with INVENTORY"
	@echo "ANSIBLE_ARGS='…'          appended to ansible-playbook"

.PHONY: prerequisites
prerequisites:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is required and was not found; install Python 3.11 or newer, or name it with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is required, $$($(PYTHON) --version) was found; name a newer one with PYTHON=…" >&2; exit 1; }
	@command -v git >/dev/null || { echo "make: git is required and was not found; install it" >&2; exit 1; }

# Tests of OpenPGP keys run the real programs; nothing else here needs them.
.PHONY: test-prerequisites
test-prerequisites:
	@for program in gpg gpg-agent gpgconf; do command -v $$program >/dev/null || { \
	  echo "make: $$program is required by the tests and was not found; install GnuPG 2.2 or newer (on Debian the package gnupg)" >&2; \
	  exit 1; }; done

$(BIN)/python: | prerequisites
	@echo "== Python environment .venv"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(PYTHON) cannot make a virtual environment; install its venv module (on Debian the package python3-venv)" >&2; exit 1; }

# The checkout itself is the installed collection: a link, so that every tool uses the live tree.
$(RUN_READY): requirements/run.txt Makefile | $(BIN)/python
	@SECONDS=0; $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/run.txt; \
	packages=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	mkdir -p "$$packages/ansible_collections/fluxseed"; \
	ln -sfn "$(CURDIR)" "$$packages/ansible_collections/fluxseed/gitops"; \
	printf '#!%s\nfrom ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import run; run()\n' \
	  $(BIN)/python > $(BIN)/fluxseed; chmod 755 $(BIN)/fluxseed; \
	touch $@; echo "   .venv is ready to run ($${SECONDS} s)"

$(TEST_READY): requirements/test.txt $(RUN_READY)
	@SECONDS=0; $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/test.txt; \
	touch $@; echo "   .venv is ready to test ($${SECONDS} s)"

$(BENCH_READY): requirements/bench.txt $(TEST_READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/bench.txt; touch $@

# In environments of their own beside the binaries of the lab, made once: some of it does not go together with what is in .venv.
.PHONY: services
services: $(TEST_READY) ## what stands in for services of a cloud in tests
	@$(BIN)/python tests/integration/services.py

.PHONY: venv
venv: $(TEST_READY) ## the Python environment of the project, with all test tools

.PHONY: lab
lab: $(RUN_READY) ## find or build the lab's binaries; nothing is started
	@$(FLUX_LAB) '{"state": "built", "path": "$(LAB)", "components": $(COMPONENTS)}'

.PHONY: kubeconfig-note
kubeconfig-note:
	@if [ -n "$${KUBECONFIG:-}" ]; then echo "KUBECONFIG is set and ignored: without INVENTORY only the embedded lab is used"; fi

.PHONY: apply
apply: $(RUN_READY) kubeconfig-note ## start the lab
	@$(FLUX_LAB) '{"state": "started", "path": "$(LAB)"}'

.PHONY: provision
ifeq ($(strip $(INVENTORY)),)
provision: apply
	@$(LAB_PLAYBOOK) fluxseed.gitops.provision $(ANSIBLE_ARGS)
else
# What Ansible finds by itself (ANSIBLE_VAULT_PASSWORD_FILE, ansible.cfg) is left to it.
provision: $(RUN_READY)
	@vault=(); \
	if [ -n "$(VAULT_PASSWORD_FILE)" ]; then vault=(--vault-password-file "$(VAULT_PASSWORD_FILE)"); \
	elif [ -z "$$($(BIN)/ansible-config dump --only-changed 2>/dev/null | grep -E '^DEFAULT_VAULT_(PASSWORD_FILE|IDENTITY_LIST)')" ]; then \
	  if [ -t 0 ]; then vault=(--ask-vault-pass); \
	  else echo "make: no vault password: set VAULT_PASSWORD_FILE, or configure one for ansible-playbook" >&2; exit 1; fi; \
	fi; \
	$(BIN)/ansible-playbook -i "$(INVENTORY)" "$${vault[@]}" fluxseed.gitops.provision $(ANSIBLE_ARGS)
endif

.PHONY: destroy
ifeq ($(strip $(INVENTORY)),)
destroy: $(RUN_READY) kubeconfig-note ## delete the lab's control plane; repository, Vault file and password stay
	@$(LAB_ENV) $(BIN)/ansible-playbook -i localhost, -e flux_lab_path=$(LAB) fluxseed.gitops.destroy $(ANSIBLE_ARGS)
else
destroy:
	@echo "make: destroy deletes the embedded lab only; with INVENTORY set it refuses, nothing was touched" >&2; exit 1
endif

.PHONY: clean
clean: ## remove all that make made: the lab, its binaries, .venv, build results
	@if [ -x $(BIN)/ansible-playbook ] && [ -d $(LAB) ]; then \
	  $(LAB_ENV) $(BIN)/ansible-playbook -i localhost, -e flux_lab_path=$(LAB) fluxseed.gitops.destroy; fi
	@cache=$${FLUXSEED_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/fluxseed}; \
	for folder in $(LAB) $(VENV) $(CURDIR)/build $(CURDIR)/dist "$$cache"; do \
	  if [ -e "$$folder" ]; then du -sh "$$folder" | sed 's/^/removing /'; chmod -R u+w "$$folder"; rm -rf "$$folder"; fi; done
	@rm -rf $(CURDIR)/.hypothesis $(CURDIR)/.ansible; find $(CURDIR) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: test
test: test-prerequisites $(TEST_READY) ## lint, types, units, sanity, integration on the lab, interop, molecule, artefacts
	@$(BIN)/python tests/run.py

.PHONY: check
check: test-prerequisites $(TEST_READY) ## the fast part of the tests: lint, types, unit
	@$(BIN)/python tests/run.py lint types unit

.PHONY: interop
interop: test-prerequisites $(TEST_READY) ## build sops and age, fetch an older sops, and compare with them
	@$(BIN)/python tests/run.py binaries interop

.PHONY: coverage
coverage: test-prerequisites $(TEST_READY) ## branches of the SOPS engine that its unit tests run
	@$(BIN)/python tests/run.py coverage

N ?= 100000
SEED ?= 0
.PHONY: fuzz
fuzz: $(TEST_READY) ## N random documents of all stores against sops, from SEED on
	@$(BIN)/python tests/run.py binaries
	@$(BIN)/python tests/fuzz.py --cases $(N) --seed $(SEED)

FUZZ_VENV := $(CURDIR)/build/fuzz-venv
$(FUZZ_VENV)/ready: requirements/fuzz.txt requirements/run.txt | prerequisites
	@$(PYTHON) -m venv $(FUZZ_VENV); $(FUZZ_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<; \
	packages=$$($(FUZZ_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	mkdir -p "$$packages/ansible_collections/fluxseed"; ln -sfn "$(CURDIR)" "$$packages/ansible_collections/fluxseed/gitops"; touch $@

# A variable of bash as well, so that it has to come from make's own command line.
ifneq ($(origin SECONDS),command line)
SECONDS := 600
endif
.PHONY: fuzz-bytes
fuzz-bytes: $(FUZZ_VENV)/ready ## damaged bytes for SECONDS against loaders, metadata reader and decryption
	@$(FUZZ_VENV)/bin/python tests/fuzz_bytes/harness.py --seconds $(SECONDS) --corpus build/fuzz-bytes

.PHONY: torture
torture: $(TEST_READY) ## kill the seed at every one of its write requests; the next run has to finish it
	@$(BIN)/python tests/torture.py

.PHONY: many
many: $(TEST_READY) ## three labs side by side, and 200 hosts against one: what one control node carries
	@$(BIN)/python tests/many.py

.PHONY: hostile
hostile: $(TEST_READY) ## files of 10 MB made to cost time or memory; what does not end within its time fails
	@$(BIN)/python tests/run.py hostile

RUNS ?= 15
ONLY ?=
.PHONY: bench
bench: test-prerequisites $(BENCH_READY) ## measure side by side with sops, kubectl and others; writes docs/benchmarks.md and its plot
	@$(BIN)/python tests/run.py binaries
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python tests/bench/bench.py --runs $(RUNS) $(if $(ONLY),--only $(ONLY))

.PHONY: compat
compat: test-prerequisites $(TEST_READY) ## sanity, units and provision under every supported ansible-core that fits a Python found here
	@$(BIN)/python tests/compat.py

.PHONY: lab-pins
# source-controller: modules that only its tests import are not to be had everywhere (-e goes on without them).
# flux-manifests, flux-manifests-all and age-vectors hold folders, no Go code: tidy would drop what they require.
lab-pins: export GOFLAGS = -mod=mod
lab-pins: export GOWORK = off
lab-pins: export GOTOOLCHAIN = local
lab-pins: ## renew the pins in lab/*/go.mod and go.sum (needs Go; the only place where tidy runs)
	@for group in artifact etcd kwok kubernetes kustomize-controller oracles oracle registry source-controller; do \
	  echo "== lab/$$group"; (cd lab/$$group; go mod tidy $$([ $$group = source-controller ] && echo -e)); done
	@for group in flux-manifests flux-manifests-all age-vectors; do \
	  echo "== lab/$$group"; (cd lab/$$group; rm go.sum; \
	  go mod edit -json | $(PYTHON) -c 'import json, sys; [print(module["Path"]) for module in json.load(sys.stdin)["Require"]]' | xargs -n 1 go mod download); done
