// Modules whose folders hold the manifests of Flux with the four controllers
// that `flux install` puts on a cluster. Nothing is compiled from them; see
// ../flux-manifests/go.mod. Its versions stand here too.
module fluxseed.lab/flux-manifests-all

go 1.26.0

require (
	github.com/fluxcd/flux2/v2 v2.9.5
	github.com/fluxcd/helm-controller v1.6.4
	github.com/fluxcd/kustomize-controller v1.9.5
	github.com/fluxcd/notification-controller v1.9.3
	github.com/fluxcd/source-controller v1.9.5
)
