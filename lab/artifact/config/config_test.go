// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func parse(t *testing.T, args ...string) Options {
	t.Helper()
	var o Options
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.BindFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDefaults(t *testing.T) {
	for _, name := range []string{"STORAGE_PATH", "STORAGE_ADDRESS", "STORAGE_ADV_ADDR"} {
		t.Setenv(name, "")
	}
	want := Options{
		StorageAddress:           ":9090",
		ArtifactRetentionTTL:     time.Minute,
		ArtifactRetentionRecords: 2,
		ArtifactDigestAlgo:       "sha256",
	}
	if got := parse(t); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFlagBeatsEnvironment(t *testing.T) {
	t.Setenv("STORAGE_PATH", "/env/path")
	t.Setenv("STORAGE_ADV_ADDR", "env:1")
	got := parse(t, "--storage-path=/flag/path")
	if got.StoragePath != "/flag/path" {
		t.Errorf("path is %q, want the flag's", got.StoragePath)
	}
	if got.StorageAdvAddress != "env:1" {
		t.Errorf("advertised address is %q, want the environment's", got.StorageAdvAddress)
	}
}
