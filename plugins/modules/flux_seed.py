# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flux_seed
short_description: Start Flux on a cluster from the manifests in Git
version_added: 0.1.0
description:
  - Puts Flux on a cluster, with its Git credential and its decryption keys in place before the first sync, and waits until the cluster
    has what Git has.
  - The manifests are C(flux-system/gotk-components.yaml) and C(flux-system/gotk-sync.yaml) below O(source.path), as C(flux bootstrap) or
    C(flux install --export) write them. Git is only read.
  - Where Helm or flux-operator has installed Flux, only the Secrets are written; a reconcile and the proof are the same. For flux-operator, a
    FluxInstance below O(source.path) or in O(source.manifests) may stand in for the two files.
  - Before anything is written, it checks that it would work. The credential has to open the remote, and the key has to open every file encrypted
    with SOPS that the cluster would read.
  - Each object is read, compared by a dry run on the server, and written only if it differs. An interrupted run is healed by the next one.
  - Once Flux has applied its own components from Git, they are not written any more. What is missing is repaired, and what differs is reported.
  - At the end, every secret that came from Git can be compared with the one in the cluster. That a Kustomization is ready is no proof of that.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._kubernetes
options:
  state:
    description:
      - V(present) puts Flux on the cluster, as described above.
      - V(suspended) sets C(spec.suspend) of the root Kustomization and of all Kustomizations below it, and V(resumed) takes it away again. Flux keeps
        that over its own reconciles. What Git itself suspends is left so and reported. V(resumed) also resumes the sources.
      - V(absent) takes Flux out of the cluster and leaves everything that it has applied, the workloads and their Secrets. It needs O(confirm=true).
      - For V(absent), everything of Flux is suspended, its controllers are ended, and only then are finalizers, objects and definitions removed, and the
        namespace with the Secrets in it. Storage of Helm releases in that namespace goes with it. A namespace that holds other workloads is kept. An
        interrupted removal is finished by the next run. Flux that Helm or flux-operator has installed is refused.
      - Only V(present) needs Git. The others find Flux in the cluster.
    type: str
    choices: [present, absent, suspended, resumed]
    default: present
  confirm:
    description:
      - Has to be V(true) for O(state=absent), also in check mode.
    type: bool
    default: false
  source:
    description:
      - Where the manifests are, and what the cluster is to follow. C(gotk-sync.yaml) has to say the same.
      - Required for O(state=present).
    type: dict
    suboptions:
      kind:
        description:
          - What the cluster follows. V(git) is a GitRepository, V(oci) an OCIRepository, V(bucket) a Bucket.
          - A registry or a bucket is read by source-controller alone. Whether O(source_credentials) open it is not tried, and its revision is
            known only when the cluster has it. O(source.checkout) or O(source.manifests) is needed for it.
        type: str
        choices: [git, oci, bucket]
        default: git
      url:
        description:
          - The URL of the repository, without a credential in it. For V(git) it starts with V(https://), V(http://) or V(ssh://); Flux takes no
            scp-like URL.
          - For O(source.kind=oci), something like V(oci://registry.example.com/me/homelab). For O(source.kind=bucket), the endpoint and the name
            of the bucket, such as V(s3.example.com/homelab).
        type: str
        required: true
      branch:
        description:
          - The branch that the cluster follows. If neither this nor O(source.tag) nor O(source.commit) is set, it is V(main).
        type: str
      tag:
        description:
          - The tag that the cluster follows, in place of a branch. For O(source.kind=oci), the tag of the artifact.
        type: str
      commit:
        description:
          - The full id of the commit that the cluster stays at. O(source.branch) then only says where it is found.
        type: str
      path:
        description:
          - The folder of the cluster in the repository, for example V(clusters/home).
        type: str
        required: true
      checkout:
        description:
          - A clone of the repository on the machine where this runs. The manifests are read from its C(HEAD); uncommitted changes are not seen.
          - A warning is given when C(HEAD) is not what the remote has, which is what the cluster follows.
          - If not set, the repository is fetched with O(git_credentials) into a private folder, which is removed at the end.
          - For O(source.kind=oci) and O(source.kind=bucket), what they were filled with.
        type: path
      manifests:
        description:
          - Files with the manifests, in place of C(gotk-components.yaml) and C(gotk-sync.yaml) in the repository, such as the C(install.yaml) of a
            release. What they do not hold is still taken from the repository.
        type: list
        elements: dict
        suboptions:
          from:
            description:
              - A path on the machine where this runs, or a URL starting with V(https://) or V(http://). The proxies of the environment are used.
            type: str
            required: true
          sha256:
            description:
              - The SHA-256 that the content has to have. A URL may give something else tomorrow.
            type: str
            required: true
  git_credentials:
    description:
      - The credential with which Flux reads the repository. It goes into the Secret that C(spec.secretRef) of the GitRepository names. Other keys
        in that Secret are removed.
      - The repository is read with exactly this, before anything is written. Nothing of the user who runs it plays a part, such as credential helpers
        or C(~/.ssh).
      - Not needed for a public repository whose GitRepository names no Secret. For V(https://) give one of O(git_credentials.password),
        O(git_credentials.bearer_token) and O(git_credentials.github_app), and O(git_credentials.ca_crt) or a client certificate if the server needs them.
        For V(ssh://) give O(git_credentials.identity) and the host key.
    type: dict
    suboptions:
      username:
        description:
          - The user name that goes with O(git_credentials.password). Most Git servers take any with a token; if not set, it is V(git).
          - For V(ssh://), the user stands in the URL.
        type: str
      password:
        description:
          - The password or token. Reading is all it has to be able to do.
          - It is given to C(git) through a pipe, never as an argument or in a file.
        type: str
      bearer_token:
        description:
          - A token that is sent as a bearer token. GitHub, GitLab and Bitbucket do not take it for Git; give their tokens as a password.
        type: str
      github_app:
        description:
          - A GitHub App that is installed for the repository. The GitRepository has to name the provider C(github).
          - A token is asked for here as source-controller does, with the Python library cryptography.
        type: dict
        suboptions:
          app_id:
            description: The id of the app.
            type: str
            required: true
          private_key:
            description: A private key of the app, in PEM.
            type: str
            required: true
          installation_id:
            description: The id of its installation. Give this or O(git_credentials.github_app.installation_owner).
            type: str
          installation_owner:
            description: The organization or user where it is installed.
            type: str
          base_url:
            description: The URL of the API of a GitHub Enterprise Server, such as V(https://github.example.com/api/v3).
            type: str
      identity:
        description:
          - The private key for V(ssh://), in PEM or in the format of OpenSSH.
          - C(ssh) reads it from a file in memory-backed storage, which is removed at once.
        type: str
      passphrase:
        description: The passphrase of O(git_credentials.identity).
        type: str
      known_hosts:
        description:
          - The host key of the SSH server, as a line of C(known_hosts). With a port it starts like V([git.example.com]:2222). No other key is trusted.
        type: str
      host_key_fingerprint:
        description:
          - The fingerprint of the host key, such as V(SHA256:) and 43 characters, in place of O(git_credentials.known_hosts). The key is fetched with
            C(ssh-keyscan) and taken only if this is its fingerprint.
        type: str
      ca_crt:
        description: Certificates of the authorities that the server's certificate may come from, in PEM.
        type: str
      tls_crt:
        description: A client certificate, in PEM, together with O(git_credentials.tls_key).
        type: str
      tls_key:
        description: The private key of the client certificate, in PEM.
        type: str
  source_proxy:
    description:
      - The proxy through which Flux reads the source. It goes into the Secret that C(spec.proxySecretRef) of the source names.
      - The repository is read through it before anything is written. Not for V(ssh://).
      - O(proxy) is another one, for the API server.
    type: dict
    suboptions:
      address:
        description: Its URL, starting with V(http://), V(https://) or V(socks5://).
        type: str
        required: true
      username:
        description: The user name, if it wants one.
        type: str
      password:
        description: The password that goes with it.
        type: str
  source_credentials:
    description:
      - The credential for O(source.kind=oci) or O(source.kind=bucket), in the Secret that C(spec.secretRef) of the source names. Certificates go into
        that of C(spec.certSecretRef).
      - For a registry O(source_credentials.username) and O(source_credentials.password), or O(source_credentials.docker_config). For a bucket one of the
        forms that its provider takes.
    type: dict
    suboptions:
      username:
        description: The user name at the registry.
        type: str
      password:
        description: The password or token at the registry.
        type: str
      docker_config:
        description: The configuration of Docker with logins, in JSON.
        type: str
      access_key:
        description: The access key of a bucket of the providers C(generic) and C(aws).
        type: str
      secret_key:
        description: The secret key that goes with it.
        type: str
      tenant_id:
        description: The tenant, for C(azure).
        type: str
      client_id:
        description: The client, for C(azure); alone, it is a managed identity.
        type: str
      client_secret:
        description: The secret of the client, for C(azure).
        type: str
      client_certificate:
        description: The certificate of the client with its key, for C(azure).
        type: str
      client_certificate_password:
        description: The password of that certificate.
        type: str
      account_key:
        description: The key of the storage account, for C(azure).
        type: str
      sas_key:
        description: The shared access signature, for C(azure).
        type: str
      service_account:
        description: The JSON of a service account, for C(gcp).
        type: str
      ca_crt:
        description: Certificates of the authorities that the server's certificate may come from, in PEM.
        type: str
      tls_crt:
        description: A client certificate, in PEM, together with O(source_credentials.tls_key).
        type: str
      tls_key:
        description: The private key of the client certificate, in PEM.
        type: str
  image_pull_secret:
    description:
      - A login to the registry with the images of Flux, as a Secret in the namespace of Flux. The components have to name it in C(imagePullSecrets).
    type: dict
    suboptions:
      name:
        description: The name of the Secret.
        type: str
        required: true
      registry:
        description: The host of the registry, such as V(registry.example.com).
        type: str
      username:
        description: The user name there.
        type: str
      password:
        description: The password or token there.
        type: str
      docker_config:
        description: The configuration of Docker with logins, in JSON, in place of the others.
        type: str
  decryption:
    description:
      - Where Flux has the keys for decryption from.
      - V(secret) is the Secret that C(spec.decryption.secretRef) of the root Kustomization names, V(sops-age) if it names none.
      - V(controller) is the Secret that kustomize-controller is told with C(--sops-age-secret), in its own namespace, for all Kustomizations that name none.
        The flag stands in C(gotk-components.yaml) or in a patch in the C(kustomization.yaml) beside it.
      - V(workload_identity) is the identity of a cloud. There is no Secret, and O(decryption_keys) is left out.
    type: str
    choices: [secret, workload_identity, controller]
    default: secret
  decryption_keys:
    description:
      - The private keys with which Flux decrypts. They go into the Secret that O(decryption) says.
      - This is the list of the keys that are wanted. A key in the Secret, an entry that ends in V(.agekey) or V(.asc), that is not in the list is removed,
        but only after the sync, and only if every encrypted file of the revision that the cluster then has is for a key that stays. Otherwise the run
        fails, names the files and keeps the key. Other entries of the Secret are kept.
      - If keys are given and no encrypted file is covered by the path, that is a failure, because most likely the path is wrong.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the entry in the Secret. It says what is in it, and Flux takes no notice of other names.
          - V(*.agekey) holds age keys, V(*.asc) an armored OpenPGP private key without a passphrase, V(sops.vault-token) a token of Vault or OpenBao,
            V(sops.aws-kms) YAML with C(aws_access_key_id), C(aws_secret_access_key) and perhaps C(aws_session_token), V(sops.azure-kv) YAML or JSON
            with C(tenantId), C(clientId) and C(clientSecret) or C(clientCertificate), V(sops.gcp-kms) the JSON of a service account.
          - Before they are seeded, the keys open every encrypted file. For OpenPGP this takes the program C(gpg) where the module runs, and storage in
            memory; for a credential the client of its service there, such as C(boto3), and a way to the service. For files that cannot be tried from
            there the check V(sops_files) says V(unknown).
        type: str
        default: age.agekey
      content:
        description:
          - What belongs in the entry. For age, the text of an identity file with one or more lines starting with V(AGE-SECRET-KEY-).
          - What Flux could not use is refused before anything is written.
        type: str
        required: true
  age_public_key:
    description:
      - The public key that belongs to one of the private ones. If it does not, nothing is written.
    type: str
  force_components:
    description:
      - Write the components of Flux as C(gotk-components.yaml) has them, though Flux manages itself.
      - Without it, components that Flux has applied itself are only compared. What is missing is made anew, what differs is listed in RV(drift) and
        left to Flux, which would set it back anyway. Use it when Flux itself is too broken to do so.
    type: bool
    default: false
  preflight:
    description:
      - What to do with the checks before the first write.
      - V(enforce) writes nothing if one of them fails.
      - V(warn) gives a warning for each that fails, and goes on.
      - V(only) does the checks and nothing else, and fails if one of them does.
      - V(skip) leaves them out.
    type: str
    choices: [enforce, warn, only, skip]
    default: enforce
  verify:
    description:
      - Whether to compare every encrypted Secret in Git with the one in the cluster, in memory. A difference is a failure.
      - Other encrypted objects, and Secrets that a generator, a prefix or a substitution changes, are listed as not compared.
      - In check mode this is done only if nothing would change.
    type: bool
    default: true
  day_two_service_account:
    description:
      - The name of a ServiceAccount to make in the namespace of Flux, for later runs that rotate keys and credentials, verify and request reconciles.
      - It may read and replace the Secrets that this module cares for, read the Secrets that come from encrypted files in Git, each by its name, and read and
        reconcile objects of Flux. It cannot do anything else. Where the cluster has admission policies (Kubernetes 1.30 and newer), one of them holds it to
        annotations and C(spec.suspend) of Flux objects, because who may change the path of a Kustomization is as mighty as Flux.
      - Run with a user who may grant this, and again when Secrets come in. No token is made or returned, C(kubectl create token) does that.
      - Without this option nothing of it is changed.
    type: str
  helm_releases:
    description:
      - Whether to wait for every HelmRelease that a Kustomization of the tree has applied, too.
      - With O(state=suspended) and O(state=resumed), whether HelmReleases are suspended and resumed as well.
    type: bool
    default: false
  timeout:
    description:
      - How many seconds all waiting of the run may take together.
      - A failure that its controller reports ends the waiting at once.
    type: int
    default: 300
attributes:
  check_mode:
    details:
      - Tries everything by dry runs on the server. What cannot be tried there, because its namespace or its definition is missing yet, is predicted.
  diff_mode:
    support: partial
    details:
      - Shows the fields that differ. Values and annotations of Secrets are masked.
      - Not for V(suspended), V(resumed) and V(absent).
requirements:
  - cryptography >= 42 (47 for post-quantum age keys)
  - pyrage >= 1.2.3
  - PyYAML >= 6.0.1
  - git 2.31 or newer
  - gpg (program) for OpenPGP keys
  - the client of a key service (such as boto3) if files need it
  - the OpenSSH client and memory-backed storage in C(/dev/shm) for V(ssh://); the latter also for O(git_credentials.tls_key)
seealso:
  - module: fluxseed.gitops.sops_key
  - module: fluxseed.gitops.sops_secret
"""

EXAMPLES = r"""
- name: Flux runs on the cluster, and every secret from Git has arrived
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      password: "{{ vault_github_token }}"
    decryption_keys:
      - content: "{{ sops_age_private_key }}"
    age_public_key: "{{ sops_age_public_key }}"
    kubeconfig: ~/.kube/config
    context: home
  register: seed

- name: With an old key and a new one, until all files in Git are encrypted for the new one; then drop the old one here
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      password: "{{ vault_github_token }}"
    decryption_keys:
      - name: "2025.agekey"
        content: "{{ vault_age_private_key_2025 }}"
      - name: "2026.agekey"
        content: "{{ vault_age_private_key_2026 }}"

- name: Halt Flux for maintenance, whatever Git says meanwhile
  fluxseed.gitops.flux_seed:
    state: suspended
    kubeconfig: ~/.kube/config

- name: Take Flux out and leave the workloads
  fluxseed.gitops.flux_seed:
    state: absent
    confirm: true
    kubeconfig: ~/.kube/config

- name: Say what was done
  ansible.builtin.debug:
    msg: "{{ seed.report }}"

- name: Would it work? Nothing is written
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      password: "{{ vault_github_token }}"
    decryption_keys:
      - content: "{{ sops_age_private_key }}"
    preflight: only

- name: With the kubeconfig of a k3s server as data, which is never written to a file
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      branch: production
      path: clusters/k3s
      checkout: "{{ playbook_dir }}/.."
    git_credentials:
      username: flux
      password: "{{ vault_github_token }}"
    decryption_keys:
      - name: current.agekey
        content: "{{ sops_age_private_key }}"
      - name: previous.agekey
        content: "{{ vault_previous_age_private_key }}"
    kubeconfig: "{{ k3s_kubeconfig }}"
    timeout: 600

- name: Over SSH, with a deploy key; the host key is fetched and has to have this fingerprint
  fluxseed.gitops.flux_seed:
    source:
      url: ssh://git@git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      identity: "{{ vault_deploy_key }}"
      host_key_fingerprint: SHA256:uNiVztksCsDhcc0u9e8BrrJeyGF+Uj6GXZyRVkPK0Zk
    decryption_keys:
      - content: "{{ sops_age_private_key }}"

- name: From an OCI registry that was filled from this checkout, on the cluster where this runs
  fluxseed.gitops.flux_seed:
    source:
      kind: oci
      url: oci://registry.example.com/me/homelab
      tag: production
      path: clusters/home
      checkout: "{{ playbook_dir }}/.."
    source_credentials:
      username: flux
      password: "{{ vault_registry_token }}"
    decryption_keys:
      - content: "{{ sops_age_private_key }}"

- name: Components of a release in place of those in Git, and keys of the cluster's cloud identity
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      tag: v1.4.0
      path: clusters/home
      manifests:
        - from: https://artifacts.example.com/flux/v2.9.5/install.yaml
          sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    decryption: workload_identity
    host: https://192.0.2.10:6443
    api_key: "{{ vault_cluster_token }}"
    ca_cert: ~/home-ca.crt
"""

RETURN = r"""
revision:
  description: The revision of the repository that the cluster has applied, or in check mode the one it is to apply.
  returned: when the repository could be read
  type: str
  sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
flux_version:
  description: The version of Flux in C(gotk-components.yaml). Empty if its labels do not tell.
  returned: when the repository could be read
  type: str
  sample: v2.9.5
objects:
  description: What was, or in check mode would be, done to the objects that the module cares for itself.
  returned: always
  type: dict
  contains:
    created:
      description: Objects that were not there.
      type: list
      elements: dict
      sample: [{kind: Secret, namespace: flux-system, name: sops-age}]
    configured:
      description: Objects that were there and differed.
      type: list
      elements: dict
      sample: []
    unchanged:
      description: Objects that were as they should be. They were not written, and their C(resourceVersion) is what it was.
      type: list
      elements: dict
      sample: [{kind: Namespace, namespace: '', name: flux-system}]
    deleted:
      description: Objects that were deleted. With O(state=absent) all of Flux, else what the day-two account needs no more.
      type: list
      elements: dict
      sample: []
kept:
  description: What stays although it belongs to Flux, each with the reason, such as a namespace that holds workloads.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: []
suspended_by_git:
  description: Objects that Git itself suspends, which is why they were not resumed.
  returned: with O(state=suspended) or O(state=resumed)
  type: list
  elements: dict
  sample: []
drift:
  description: Objects of Flux that differ from Git and are left to Flux, because it manages itself.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: []
reconcile_requested:
  description: Objects of which a reconcile was requested.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{kind: GitRepository, namespace: flux-system, name: flux-system}]
kustomizations:
  description: The root Kustomization and all below it.
  returned: with O(state=present)
  type: list
  elements: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      sample: flux-system
    name:
      description: Its name.
      type: str
      sample: apps
    ready:
      description: Whether it is ready.
      type: bool
      sample: true
    suspended:
      description: Whether it is suspended. It is not waited for then.
      type: bool
      sample: false
    revision:
      description: The revision that it has applied last.
      type: str
      sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
secrets:
  description: The comparison of Secrets in Git with those in the cluster. All counts are zero if it was not done.
  returned: with O(state=present)
  type: dict
  contains:
    compared:
      description: How many Secrets were compared.
      type: int
      sample: 3
    proven:
      description: How many have the same keys and values.
      type: int
      sample: 3
    not_compared:
      description: What could not be compared, each with the reason.
      type: list
      elements: str
      sample: []
sops_files:
  description: How many files encrypted with SOPS the key has opened, MAC included.
  returned: with O(state=present)
  type: int
  sample: 3
checks:
  description: The checks before the first write.
  returned: with O(state=present)
  type: list
  elements: dict
  contains:
    name:
      description:
        - The name of the check, one of V(git_credential), V(source_credential), V(checkout), V(components), V(gotk_sync), V(key_names),
          V(age_key_pair), V(sops_files), V(sops_rules), V(sops_layout), V(file_size), V(decryption), V(key_services), V(plain_secrets),
          V(references), V(unknown_fields), V(manifests), V(self_management), V(intervals), V(api_versions), V(variables), V(cluster_version), V(nodes),
          V(network), V(access), V(namespace), V(flux_manager), V(flux_version), V(second_flux), V(argo_cd), V(leftover_definitions),
          V(stored_versions), V(cluster), V(images), V(egress). They are explained in docs/preflight.md of the repository.
      type: str
      sample: sops_files
    result:
      description: One of V(ok), V(warn), V(fail), V(unknown).
      type: str
      sample: ok
    evidence:
      description: What was found.
      type: str
      sample: the key opens all 3 encrypted files, MAC included
    fix:
      description: What to do about it. Empty if there is nothing to do.
      type: str
      sample: ''
seconds:
  description: How long each stage took, and V(total).
  returned: always, save for a removal or a halt that has failed
  type: dict
  sample: {git: 0.3, preflight: 0.1, connect: 0.1, plan: 0.3, apply: 1.2, await: 4.0, verify: 0.1, total: 6.0}
report:
  description: The outcome in lines for a person.
  returned: always
  type: list
  elements: str
  sample:
    - Revision main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa, Flux v2.9.5
    - 'Objects: 26 created, 0 configured, 0 unchanged'
    - 'Kustomizations: 3 of 3 ready'
    - 'Secrets: 3 of 3 proven equal to Git'
events:
  description: The last warnings about the object that has failed, the newest at the end.
  returned: when there are any
  type: list
  elements: str
  sample: ['HealthCheckFailed: timeout waiting for Deployment/apps/web']
hint:
  description: The next step after a failure.
  returned: when the failure is a known one
  type: str
  sample: 'the Kustomization lacks spec.decryption: add provider sops and its secretRef in Git; that is Kustomization flux-system/apps'
"""

from ..module_utils._ansible.flux_seed import ARGUMENT_SPEC, CONSTRAINTS, run
from ..module_utils._ansible.module import run_module


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
