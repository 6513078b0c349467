// SPDX-License-Identifier: GPL-3.0-or-later

// Package digest names the algorithm that identifies artifacts.
package digest

import (
	// Hash functions register themselves with crypto; go-digest only finds
	// those that are linked in.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"github.com/opencontainers/go-digest"
	_ "github.com/opencontainers/go-digest/blake3"
)

// Canonical is the algorithm of new artifacts. Artifacts that already exist are
// verified with the algorithm their own digest names.
var Canonical = digest.SHA256

// AlgorithmForName returns the algorithm of that name, or an error when it is
// unknown or not linked into this binary.
func AlgorithmForName(name string) (digest.Algorithm, error) {
	algorithm := digest.Algorithm(name)
	if !algorithm.Available() {
		return "", fmt.Errorf("digest algorithm %q is not available", name)
	}
	return algorithm, nil
}
