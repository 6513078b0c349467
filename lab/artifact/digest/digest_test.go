// SPDX-License-Identifier: GPL-3.0-or-later

package digest

import "testing"

func TestAlgorithmForName(t *testing.T) {
	for _, name := range []string{"sha256", "sha384", "sha512", "blake3"} {
		algorithm, err := AlgorithmForName(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := algorithm.FromString("x").Algorithm().String(); got != name {
			t.Errorf("digest made with %s says %s", name, got)
		}
	}
	for _, name := range []string{"", "md5", "SHA256"} {
		if _, err := AlgorithmForName(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}
