// SPDX-License-Identifier: GPL-3.0-or-later

package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fluxcd/pkg/artifact/config"
)

// store makes a storage folder with one artifact, next to a file that must
// never be served.
func store(t *testing.T) string {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "data", "gitrepository", "ns", "name")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(dir, "a.tar.gz"):        "artifact",
		filepath.Join(parent, "outside.file"): "outside",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"latest.tar.gz": "a.tar.gz",
		"up":            "../../../../outside.file",
		"absolute":      filepath.Join(parent, "outside.file"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(parent, "data")
}

func TestServesFilesOnly(t *testing.T) {
	root, err := os.OpenRoot(store(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()

	for _, c := range []struct {
		path string
		code int
		body string
	}{
		{"/gitrepository/ns/name/a.tar.gz", 200, "artifact"},
		{"/gitrepository/ns/name/latest.tar.gz", 200, "artifact"},
		{"/", 404, ""},
		{"/gitrepository", 404, ""},
		{"/gitrepository/", 404, ""},
		{"/gitrepository/ns/name/", 404, ""},
		{"/gitrepository/ns/name/none", 404, ""},
		{"/gitrepository/ns/name/up", 404, ""},
		{"/gitrepository/ns/name/absolute", 404, ""},
		{"/../outside.file", 404, ""},
		{"/gitrepository/%2e%2e/%2e%2e/outside.file", 404, ""},
	} {
		response := httptest.NewRecorder()
		handler(root).ServeHTTP(response, httptest.NewRequest(http.MethodGet, c.path, nil))
		if response.Code != c.code {
			t.Errorf("%s: status %d, want %d", c.path, response.Code, c.code)
		}
		if c.code == 200 && response.Body.String() != c.body {
			t.Errorf("%s: body %q, want %q", c.path, response.Body, c.body)
		}
	}
}

func TestStartServesUntilStopped(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	options := &config.Options{StoragePath: store(t), StorageAddress: address}

	if err := Start(t.Context(), options); err == nil {
		t.Error("a taken port was not reported")
	}
	listener.Close()

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Start(ctx, options) }()

	body := ""
	for deadline := time.Now().Add(5 * time.Second); body == "" && time.Now().Before(deadline); {
		response, err := http.Get("http://" + address + "/gitrepository/ns/name/a.tar.gz")
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		content, _ := io.ReadAll(response.Body)
		response.Body.Close()
		body = string(content)
	}
	if body != "artifact" {
		t.Errorf("got %q", body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stop is an error: %v", err)
	}
}

func TestStartNeedsTheFolder(t *testing.T) {
	options := &config.Options{StoragePath: filepath.Join(t.TempDir(), "none"), StorageAddress: "127.0.0.1:0"}
	if err := Start(t.Context(), options); err == nil {
		t.Error("a missing storage folder was not reported")
	}
}
