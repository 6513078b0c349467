// Modules whose folders hold the manifests of Flux. Nothing is compiled from
// them, so there is nothing to tidy: `go mod download` pins them in go.sum.
// Their versions are those of the controllers that the other groups build.
module fluxseed.lab/flux-manifests

go 1.26.0

require (
	github.com/fluxcd/flux2/v2 v2.9.5
	github.com/fluxcd/kustomize-controller v1.9.5
	github.com/fluxcd/source-controller v1.9.5
)
