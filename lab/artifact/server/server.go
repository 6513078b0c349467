// SPDX-License-Identifier: GPL-3.0-or-later

// Package server serves the artifacts in the storage folder over HTTP.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/fluxcd/pkg/artifact/config"
)

const (
	// headerTimeout ends connections that never say what they want.
	headerTimeout = 10 * time.Second
	// drainTimeout is what downloads in flight get when the process stops.
	drainTimeout = 5 * time.Second
)

// Start serves o.StoragePath on o.StorageAddress until ctx is done. A stop
// asked for through ctx is not an error.
func Start(ctx context.Context, o *config.Options) error {
	root, err := os.OpenRoot(o.StoragePath)
	if err != nil {
		return fmt.Errorf("cannot open artifact storage: %w", err)
	}
	defer root.Close()

	// Listening here and not in Serve makes a taken port the caller's error.
	listener, err := net.Listen("tcp", o.StorageAddress)
	if err != nil {
		return fmt.Errorf("artifact server: %w", err)
	}

	server := &http.Server{Handler: handler(root), ReadHeaderTimeout: headerTimeout}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()

	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}

	// ctx is done already, so draining needs one of its own.
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// handler serves the regular files below root, and nothing else.
func handler(root *os.Root) http.Handler {
	return http.FileServerFS(filesOnly{root})
}

// filesOnly hides directories: whoever reaches the port may fetch an artifact
// whose URL it was told, but shall not find out what else there is. os.Root
// keeps "..", and links that lead outside, from being followed.
type filesOnly struct{ root *os.Root }

func (f filesOnly) Open(name string) (fs.File, error) {
	file, err := f.root.Open(name)
	if err != nil {
		// The server tells "missing" from "forbidden" by the kind of error.
		// A link that leads outside is an error of its own kind; to a client
		// all of them are the same: not here.
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return file, nil
}
