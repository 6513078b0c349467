# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of a repository: what is in Git, and what Flux would make of it."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import preflight
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.artifact import Artifact
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import Encrypted, key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import Components, Sync
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.tree import walk
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    DECRYPTION,
    OTHER_PUBLIC,
    PRIVATE,
    PUBLIC,
    SYNC,
    Repository,
    child,
    encrypted,
    results,
    secret,
)

RING = key_ring([("age.agekey", PRIVATE)])
SECRET = encrypted(secret("db", "{password: correct-horse}"))
RULES = f"creation_rules:\n  - path_regex: ^apps/\n    encrypted_regex: ^(data|stringData)$\n    age: {PUBLIC}\n"
KMS = """\
apiVersion: v1
kind: Secret
metadata: {name: kms, namespace: apps}
stringData: {a: "ENC[AES256_GCM,data:xx,iv:AAAA,tag:AAAA,type:str]"}
sops:
  KIND
  lastmodified: "2026-01-01T00:00:00Z"
  mac: ENC[AES256_GCM,data:xx,iv:AAAA,tag:AAAA,type:str]
  encrypted_regex: ^(data|stringData)$
  version: 3.9.0
"""
KINDS = {
    "kms": "kms: [{arn: 'arn:aws:kms:eu-central-1:1:key/x', created_at: '2026-01-01T00:00:00Z', enc: x}]",
    "gcp_kms": "gcp_kms: [{resource_id: projects/x, created_at: '2026-01-01T00:00:00Z', enc: x}]",
    "azure_kv": "azure_kv: [{vault_url: 'https://x.example.com', name: k, version: v, created_at: '2026-01-01T00:00:00Z', enc: x}]",
    "hc_vault": "hc_vault: [{vault_address: 'https://x.example.com', engine_path: sops, key_name: k, created_at: '2026-01-01T00:00:00Z', enc: x}]",
}


class Looked:
    """A repository that was walked and opened."""

    def __init__(self, **more):
        files = Repository(**{"clusters/lab/apps.yaml": child("apps"), "apps/db.yaml": SECRET, **more})
        self.components, self.sync = files.components, files.sync
        self.files = Artifact(files, self.sync.source)
        self.tree = walk(self.files, self.sync.root)
        self.encrypted = Encrypted(self.files, self.tree)
        self.encrypted.open(RING)

    def rules(self):
        return list(preflight.sops_rules(self.encrypted, self.files.repository))

    def layout(self):
        return list(preflight.sops_layout(self.encrypted, self.tree))

    def decryption(self, **more):
        return list(preflight.decryption(self.tree, self.encrypted, self.sync, **more))

    def services(self, *names):
        (check,) = preflight.key_services(self.tree, self.encrypted, self.components, self.files, names)
        return check

    def plain(self):
        return preflight.plain_secrets(self.tree, self.encrypted, self.files)

    def manifests(self):
        return preflight.manifests(self.tree, self.files)

    def api_versions(self):
        return preflight.api_versions(self.tree, self.components, self.files)

    def variables(self):
        return list(preflight.variables(self.tree, self.encrypted, self.files))


# --- encrypted files ------------------------------------------------------------------------------


def test_files_are_for_those_whom_the_nearest_rules_name():
    assert results(Looked(**{".sops.yaml": RULES}).rules()) == [("sops_rules", "ok")]


def test_recipients_that_drifted_are_named():
    (check,) = Looked(**{".sops.yaml": RULES.replace(PUBLIC, f"{PUBLIC},{OTHER_PUBLIC}")}).rules()
    assert check.result == "warn"
    assert f"apps/db.yaml lacks {OTHER_PUBLIC[:16]}" in check.evidence
    (check,) = Looked(**{".sops.yaml": RULES.replace(PUBLIC, OTHER_PUBLIC)}).rules()
    assert f"and has {PUBLIC[:16]}" in check.evidence


def test_a_nearer_file_of_rules_counts():
    files = {
        ".sops.yaml": RULES.replace(PUBLIC, OTHER_PUBLIC),
        "apps/.sops.yaml": RULES.replace("    path_regex: ^apps/\n", "").replace("- path_regex: ^apps/\n    ", "- "),
    }
    assert results(Looked(**files).rules()) == [("sops_rules", "ok")]


@pytest.mark.parametrize(
    ("rules", "result"),
    [
        ({}, "unknown"),
        ({".sops.yaml": RULES.replace("^apps/", "^other/")}, "unknown"),
        ({".sops.yaml": "creation_rules: 5"}, "fail"),
    ],
)
def test_files_without_a_rule_and_rules_that_cannot_be_read(rules, result):
    assert results(Looked(**rules).rules()) == [("sops_rules", result)]


@pytest.mark.parametrize(
    ("old", "new", "result", "evidence"),
    [
        ("x", "x", "ok", "in clear"),
        ("kind: Secret", "kind: ENC[AES256_GCM,data:x]", "fail", "apps/db.yaml (kind)"),
        ("apiVersion: v1", 'apiVersion: "ENC[AES256_GCM,data:x]"', "fail", "(apiVersion)"),
        ("{name: db,", "{name: 'ENC[AES256_GCM,data:x]',", "fail", "(metadata.name)"),
        (
            "{name: db, namespace: apps}",
            "\n  name: db\n  namespace: ENC[AES256_GCM,data:x]",
            "fail",
            "metadata.namespace",
        ),
        (
            "{name: db, namespace: apps}",
            "\n  name: db\n  annotations:\n    a: ENC[AES256_GCM,data:x]",
            "warn",
            "apps/db.yaml",
        ),
    ],
)
def test_what_names_an_object_is_in_clear(old, new, result, evidence):
    (check,) = Looked(**{"apps/db.yaml": SECRET.replace(old, new)}).layout()
    assert (check.result, evidence in check.evidence) == (result, True)


def test_files_of_generators_are_not_too_large():
    generator = "secretGenerator: [{name: a, files: [big.json]}]\nresources: [db.yaml]"
    files = {"apps/kustomization.yaml": generator, "apps/big.json": " " * (5 << 20)}
    small = Looked(**files)
    assert preflight.file_size(small.tree, small.files).result == "ok"
    large = Looked(**{**files, "apps/big.json": " " * (5 << 20) + " "})
    assert "apps/big.json" in preflight.file_size(large.tree, large.files).evidence


def test_a_file_whose_name_tells_no_format_is_known_by_its_metadata():
    generator = "secretGenerator: [{name: a, files: [config=values.enc, env=plain.secret]}]\nresources: [db.yaml]"
    files = {"apps/values.enc": SECRET, "apps/plain.secret": encrypted("A=b\n", name="x.env")}
    looked = Looked(**{"apps/kustomization.yaml": generator, **files})
    assert preflight.sops_files(looked.encrypted, RING).evidence == "the key opens all 3 encrypted files, MAC included"


def test_metadata_that_cannot_be_read_is_one_finding_and_no_crash():
    broken = SECRET.replace("version: 3", "version: x")
    looked = Looked(**{"apps/db.yaml": broken, ".sops.yaml": RULES})
    assert broken != SECRET
    assert preflight.sops_files(looked.encrypted, RING).result == "fail"
    assert results(looked.rules()) == [("sops_rules", "ok")]
    assert looked.services("age.agekey").result == "ok"


# --- decryption -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ciphertext"),
    [
        (SECRET, True),
        (encrypted(secret("db", "{password: eA==}", part="data")), False),
        (encrypted(secret("db", "{password: x}", part="data").replace("kind: Secret", "kind: ConfigMap")), True),
        (
            encrypted(secret("db", "{a: x}", part="data").replace("v1", "example.com/v1").replace("Secret", "Own")),
            False,
        ),
    ],
    ids=["string-data", "data", "config-map", "custom"],
)
def test_ciphertext_that_flux_would_store_without_a_word_is_told(text, ciphertext):
    (check,) = Looked(**{"clusters/lab/apps.yaml": child("apps", ""), "apps/db.yaml": text}).decryption()
    assert check.result == "fail"
    assert ("reported as ready" in check.evidence) is ciphertext


def test_a_config_map_generator_does_not_decrypt():
    files = {"apps/kustomization.yaml": "configMapGenerator: [{name: a, files: [db.yaml]}]"}
    (check,) = Looked(**files).decryption()
    assert (check.result, "configMapGenerator" in check.evidence) == ("fail", True)


def test_what_may_be_handed_down_is_unknown():
    files = {
        "clusters/lab/kustomization.yaml": "resources: [flux-system/gotk-sync.yaml, apps.yaml]\ntransformers: [t.yaml]",
        "clusters/lab/apps.yaml": child("apps", ""),
    }
    (check,) = Looked(**files).decryption()
    assert (check.result, "transformers t.yaml" in check.evidence) == ("unknown", True)


def test_a_key_for_all_of_the_controller_needs_no_name():
    files = {"clusters/lab/apps.yaml": child("apps", "  decryption: {provider: sops}\n")}
    assert results(Looked(**files).decryption()) == [("decryption", "warn")]
    assert results(Looked(**files).decryption(controller_secret="sops-age")) == [("decryption", "ok")]


def test_another_key_may_come_from_git_itself():
    other = "  decryption: {provider: sops, secretRef: {name: of-apps}}\n"
    files = {"clusters/lab/apps.yaml": child("apps", other), "clusters/lab/keys.yaml": child("keys")}
    assert results(Looked(**files).decryption()) == [("decryption", "warn")]
    files["keys/key.yaml"] = encrypted(secret("of-apps", "{age.agekey: x}", namespace="flux-system"))
    assert results(Looked(**files).decryption()) == [("decryption", "ok")]


def test_a_namespace_of_its_own_needs_a_key_of_its_own():
    files = {"clusters/lab/kustomization.yaml": "namespace: team\nresources: [apps.yaml]"}
    sync = SYNC.replace(
        "sourceRef: {kind: GitRepository, name: flux-system}", "sourceRef: {kind: GitRepository, name: flux-system}"
    )
    apps = child("apps").replace("name: flux-system}", "name: flux-system, namespace: flux-system}")
    files |= {"clusters/lab/apps.yaml": apps, "clusters/lab/flux-system/gotk-sync.yaml": sync}
    (check,) = Looked(**files).decryption()
    assert (check.result, "team/apps reads team/sops-age" in check.evidence) == ("warn", True)


# --- key services ---------------------------------------------------------------------------------


def test_age_alone_needs_no_service():
    assert Looked().services("age.agekey").result == "ok"


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("kms", "sops.aws-kms"),
        ("gcp_kms", "sops.gcp-kms"),
        ("azure_kv", "sops.azure-kv"),
        ("hc_vault", "sops.vault-token"),
    ],
)
def test_a_service_needs_a_credential(kind, entry):
    looked = Looked(**{"apps/kms.yaml": KMS.replace("KIND", KINDS[kind])})
    check = looked.services("age.agekey")
    assert (check.result, entry in check.evidence) == ("warn", True)
    assert looked.services("age.agekey", entry).result == "ok"


@pytest.mark.parametrize(
    ("kind", "annotation"),
    [
        ("kms", "eks.amazonaws.com/role-arn"),
        ("gcp_kms", "iam.gke.io/gcp-service-account"),
        ("azure_kv", "azure.workload.identity/client-id"),
    ],
)
def test_or_an_identity_that_a_patch_gives_the_controller(kind, annotation):
    account = (
        "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: kustomize-controller, namespace: flux-system}\n"
    )
    folder = "clusters/lab/flux-system"
    patch = f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: kustomize-controller, annotations: {{{annotation}: me}}}}"
    files = {
        "apps/kms.yaml": KMS.replace("KIND", KINDS[kind]),
        f"{folder}/gotk-components.yaml": Repository()[f"{folder}/gotk-components.yaml"] + account,
        f"{folder}/kustomization.yaml": "resources: [gotk-components.yaml, gotk-sync.yaml]",
    }
    check = Looked(**files).services("age.agekey")
    assert (check.result, annotation in check.evidence) == ("warn", True)
    files[f"{folder}/kustomization.yaml"] += (
        "\npatches: [{path: identity.yaml, target: {kind: ServiceAccount, name: kustomize-.*}}]"
    )
    files[f"{folder}/identity.yaml"] = patch
    assert Looked(**files).services("age.agekey").result == "ok"


@pytest.mark.parametrize(
    ("name", "result"),
    [("age.agekey", "ok"), ("a.asc", "ok"), ("sops.aws-kms", "ok"), ("age.key", "fail"), ("sops-age", "fail")],
)
def test_entries_that_flux_does_not_read(name, result):
    assert preflight.key_names([name]).result == result


# --- manifests ------------------------------------------------------------------------------------


def test_secrets_in_clear_are_named():
    files = {
        "apps/plain.yaml": secret("plain", "{password: in-clear}"),
        "apps/empty.yaml": secret("empty", "{}"),
        "apps/variable.yaml": secret("variable", "{password: '${password}'}"),
        "apps/list.yaml": "kind: List\napiVersion: v1\nitems:\n- kind: Secret\n  apiVersion: v1\n  metadata: {name: listed}\n  data: {a: eA==}\n",
    }
    check = Looked(**files).plain()
    assert check.result == "warn"
    assert check.evidence == "in clear in Git: apps/list.yaml: Secret listed; apps/plain.yaml: Secret plain"
    assert Looked().plain().result == "ok"


def test_so_are_generators_that_read_or_hold_values():
    generator = "secretGenerator: [{name: a, files: [x.txt], literals: ['user=${user}']}, {name: b, literals: [p=in-clear]}]\nresources: [db.yaml]"
    check = Looked(**{"apps/kustomization.yaml": generator, "apps/x.txt": "in-clear"}).plain()
    assert (
        check.evidence
        == "in clear in Git: apps/x.txt: read by a secretGenerator; apps/kustomization.yaml: secretGenerator b"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("apiVersion: v1\nkind: [\n", "apps/x.yaml:3: is no valid YAML"),
        ("image: {tag: 1}\n", "it has no kind"),
        ("apiVersion: v1\nkind: ConfigMap\n---\nreplicas: 2\n", "it has no kind"),
        ("---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\n...\n", None),
        ('{"apiVersion": "v1", "kind": "ConfigMap"}', None),
    ],
)
def test_files_that_hold_no_objects_break_the_build(text, problem):
    check = Looked(**{"apps/x.yaml": text}).manifests()
    assert check.result == ("fail" if problem else "ok")
    assert problem is None or problem in check.evidence


@pytest.mark.parametrize(
    ("flux", "used", "result"),
    [
        ("v2.9.5", "kustomize.toolkit.fluxcd.io/v1", "ok"),
        ("v2.9.5", "helm.toolkit.fluxcd.io/v2beta1", "fail"),
        ("v2.9.5", "notification.toolkit.fluxcd.io/v1beta2", "fail"),
        ("v2.8.8", "notification.toolkit.fluxcd.io/v1beta2", "ok"),
        ("v2.8.8", "source.toolkit.fluxcd.io/v1beta2", "fail"),
        ("v2.7.5", "source.toolkit.fluxcd.io/v1beta2", "ok"),
        ("v2.7.5", "image.toolkit.fluxcd.io/v1beta1", "fail"),
        ("v2.6.0", "image.toolkit.fluxcd.io/v1beta1", "ok"),
        ("", "image.toolkit.fluxcd.io/v1beta1", "unknown"),
    ],
)
def test_versions_of_kinds_that_flux_no_longer_serves(flux, used, result):
    path = "clusters/lab/flux-system/gotk-components.yaml"
    files = {
        path: Repository()[path].replace("v2.9.5", flux or "''"),
        "apps/x.yaml": f"apiVersion: {used}\nkind: X\nmetadata: {{name: x}}\n",
    }
    check = Looked(**files).api_versions()
    assert check.result == result
    assert (f"apps/x.yaml: {used}" in check.evidence) is (result == "fail")


def test_what_the_definitions_beside_it_do_not_serve():
    crd = (
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n"
        "spec: {group: helm.toolkit.fluxcd.io, versions: [{name: v2, served: true}, {name: v3, served: false}]}\n"
    )
    path = "clusters/lab/flux-system/gotk-components.yaml"
    for version, result in (("v2", "ok"), ("v3", "fail")):
        files = {
            path: Repository()[path] + crd,
            "apps/x.yaml": f"apiVersion: helm.toolkit.fluxcd.io/{version}\nkind: X\nmetadata: {{name: x}}\n",
        }
        assert Looked(**files).api_versions().result == result


def test_a_block_at_a_wrong_indentation_is_an_unknown_field():
    """The typical one: decryption lost its depth, and provider and secretRef became fields of spec."""
    schema = "{properties: {spec: {properties: {path: {}, sourceRef: {}, decryption: {}}}}}"
    definition = (
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: k}\nspec:\n  group: kustomize.toolkit.fluxcd.io\n"
        f"  names: {{kind: Kustomization}}\n  versions: [{{name: v1, schema: {{openAPIV3Schema: {schema}}}}}]\n"
    )
    path = "clusters/lab/flux-system/gotk-components.yaml"
    files = {path: Repository()[path] + definition}
    looked = Looked(**files)
    assert preflight.unknown_fields(looked.tree, looked.components).result == "ok"
    wrong = child("apps", "  decryption:\n  provider: sops\n  secretRef: {name: sops-age}\n")
    looked = Looked(**files, **{"clusters/lab/apps.yaml": wrong})
    check = preflight.unknown_fields(looked.tree, looked.components)
    assert check.result == "fail"
    assert "flux-system/apps has no field spec.provider (clusters/lab/apps.yaml)" in check.evidence


# --- variables ------------------------------------------------------------------------------------


def with_variables(post_build, text="a: '${host}'", **more):
    files = {"clusters/lab/apps.yaml": child("apps", f"{DECRYPTION}  postBuild: {post_build}\n")}
    files["apps/map.yaml"] = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map}}\ndata: {{{text}}}\n"
    return results(Looked(**files, **more).variables())


@pytest.mark.parametrize(
    ("post_build", "text", "result"),
    [
        ("{substitute: {host: x}}", "a: '${host}'", "ok"),
        ("{substitute: {other: x}}", "a: '${host}'", "warn"),
        ("{substitute: {other: x}}", "a: '${host:=x}'", "ok"),
        ("{substitute: {other: x}}", "a: $${host}", "ok"),
        ("{substitute: {other: x}}", "a: $host", "ok"),
        ("{}", "a: '${host}'", "ok"),
        ("{substituteStrategy: Always}", "a: '${host}'", "warn"),
        ("{substituteFrom: [{kind: ConfigMap, name: cluster}]}", "a: '${host}'", "unknown"),
        ("{substituteFrom: [{kind: ConfigMap, name: cluster}]}", "a: x", "ok"),
        ("{substituteFrom: [{kind: ConfigMap, name: cluster, optional: true}]}", "a: '${host}'", "warn"),
    ],
)
def test_variables_that_are_not_set(post_build, text, result):
    assert with_variables(post_build, text) == [("variables", result)]


def test_variables_from_git():
    source = "{substituteFrom: [{kind: ConfigMap, name: cluster}]}"
    found = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cluster, namespace: flux-system}\ndata: {host: x}\n"
    assert with_variables(source, **{"clusters/lab/vars.yaml": found}) == [("variables", "ok")]
    assert with_variables(source, "a: '${other}'", **{"clusters/lab/vars.yaml": found}) == [("variables", "warn")]


def test_variables_in_decrypted_values_count_and_objects_can_opt_out():
    inside = encrypted(secret("in", "{a: '${inside}'}"))
    assert with_variables("{substitute: {host: x}}", **{"apps/in.yaml": inside}) == [("variables", "warn")]
    left = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: l, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: '${left}'}\n"
    assert with_variables("{substitute: {host: x}}", **{"apps/left.yaml": left}) == [("variables", "ok")]


# --- Flux itself ----------------------------------------------------------------------------------

COMPLETE = """\
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: g}
spec: {names: {kind: GitRepository}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: k}
spec: {names: {kind: Kustomization}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, labels: {app.kubernetes.io/version: v2.9.5}}
spec: {template: {spec: {containers: [{image: example.com/source-controller:v1.9.5}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller}
"""


@pytest.mark.parametrize(
    ("old", "new", "result", "evidence"),
    [
        ("x", "x", "ok", "Flux v2.9.5: source-controller:v1.9.5"),
        ("v2.9.5", "latest", "unknown", "no label"),
        ("name: kustomize-controller", "name: other", "fail", "no Deployment kustomize-controller"),
        ("kind: GitRepository", "kind: Bucket", "fail", "does not define GitRepository"),
        ("name: flux-system", "name: flux", "fail", "namespace flux-system"),
    ],
)
def test_components_are_a_flux_that_can_follow_the_source(old, new, result, evidence):
    check = preflight.components(
        Components.parse(COMPLETE.replace(old, new).encode(), where="c"), Sync.parse(SYNC.encode(), where="s")
    )
    assert (check.result, evidence in check.evidence) == (result, True)


# --- files of any shape ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "metadata: 5",
        "metadata: {name: [], labels: 3}",
        "spec: []",
        "spec: {path: {}}",
        "spec: {path: ./apps, sourceRef: text}",
        "spec: {path: ./apps, decryption: {secretRef: text}}",
        "spec: {path: ./apps, postBuild: [], patches: {}, components: 7}",
        "spec: {path: ./apps, postBuild: {substituteFrom: [5, {}]}, patches: [5, {patch: []}], targetNamespace: []}",
    ],
)
def test_kustomizations_of_any_shape_are_no_crash(text):
    """What is written there by mistake is for the API to refuse; the checks go on."""
    looked = Looked(
        **{"clusters/lab/odd.yaml": f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n{text}\n"}
    )
    looked.decryption()
    looked.variables()
    looked.services("age.agekey")
    assert looked.plain().result == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "resources: {a: b}\nnamespace: []",
        "secretGenerator: {}\nconfigMapGenerator: [5]\ncomponents: text",
        "patches: [{patch: 5, path: []}, {path: db.yaml, target: text}]",
        "replacements: [{targets: [{select: 5}]}, 7]\ntransformers: 3",
        "patches: [{patch: '[{op: add}]', target: {kind: '('}}]",
    ],
)
def test_kustomization_files_of_any_shape_are_no_crash(text):
    looked = Looked(**{"apps/kustomization.yaml": text})
    assert len(looked.tree.nodes) == 2
    assert list(preflight.references(looked.tree))
