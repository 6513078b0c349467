// SPDX-License-Identifier: GPL-3.0-or-later

// Package config holds the settings of the artifact storage and of the server
// in front of it, and their command line flags.
package config

import (
	"os"
	"time"

	"github.com/spf13/pflag"
)

// Options are the settings of storage and server.
type Options struct {
	// StoragePath is the folder that holds the artifacts. It has to exist.
	StoragePath string
	// StorageAddress is what the server listens on.
	StorageAddress string
	// StorageAdvAddress is the host and port put into artifact URLs. Where it
	// is empty, storage.New derives it from StorageAddress.
	StorageAdvAddress string
	// ArtifactRetentionTTL is how long a superseded artifact is kept.
	ArtifactRetentionTTL time.Duration
	// ArtifactRetentionRecords is how many artifacts of one object are kept,
	// the current one included.
	ArtifactRetentionRecords int
	// ArtifactDigestAlgo names the algorithm of the digests of new artifacts.
	ArtifactDigestAlgo string
}

// BindFlags adds a flag for every option to fs. The addresses and the path can
// come from the environment too, because Flux's Deployments set them there.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.StoragePath, "storage-path", fromEnv("STORAGE_PATH", ""),
		"Folder that holds the artifacts; it has to exist.")
	fs.StringVar(&o.StorageAddress, "storage-addr", fromEnv("STORAGE_ADDRESS", ":9090"),
		"Address the artifact server listens on.")
	fs.StringVar(&o.StorageAdvAddress, "storage-adv-addr", fromEnv("STORAGE_ADV_ADDR", ""),
		"Host and port for artifact URLs; derived from --storage-addr if empty.")
	fs.DurationVar(&o.ArtifactRetentionTTL, "artifact-retention-ttl", time.Minute,
		"How long a superseded artifact is kept.")
	fs.IntVar(&o.ArtifactRetentionRecords, "artifact-retention-records", 2,
		"How many artifacts of one object are kept, the current one included.")
	fs.StringVar(&o.ArtifactDigestAlgo, "artifact-digest-algo", "sha256",
		"Digest algorithm of new artifacts: sha256, sha384, sha512 or blake3.")
}

// fromEnv returns the variable's value. A variable that is set but empty counts
// as not set: an empty address would mean "any port, all interfaces".
func fromEnv(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
