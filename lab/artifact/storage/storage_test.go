// SPDX-License-Identifier: GPL-3.0-or-later

package storage

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxcd/pkg/artifact/config"
)

const host = "127.0.0.1:9090"

// object is what a GitRepository is to the storage.
var object = &metav1.ObjectMeta{Namespace: "flux-system", Name: "lab"}

// badPaths are values of status.artifact.path that must reach no file.
var badPaths = []string{
	"",
	".",
	"/",
	"..",
	"a.tar.gz",
	"gitrepository/flux-system/a.tar.gz",
	"../../../../a.tar.gz",
	"gitrepository/flux-system/lab/../../../../a.tar.gz",
	"gitrepository/flux-system/lab/../../a.tar.gz",
	"gitrepository/flux-system/lab/..",
	"/gitrepository/flux-system/lab/a.tar.gz",
}

func newStorage(t *testing.T) *Storage {
	t.Helper()
	s, err := New(&config.Options{
		StoragePath:              t.TempDir(),
		StorageAdvAddress:        host,
		ArtifactRetentionTTL:     time.Minute,
		ArtifactRetentionRecords: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newArtifact returns an artifact whose directory exists.
func newArtifact(t *testing.T, s *Storage, fileName string) meta.Artifact {
	t.Helper()
	a := s.NewArtifactFor("GitRepository", object, "main@sha1:1", fileName)
	if err := s.MkdirAll(a); err != nil {
		t.Fatal(err)
	}
	return a
}

// putAged stores an artifact that was written some time ago.
func putAged(t *testing.T, s *Storage, fileName string, age time.Duration) meta.Artifact {
	t.Helper()
	a := newArtifact(t, s, fileName)
	if err := s.Copy(&a, strings.NewReader(fileName)); err != nil {
		t.Fatal(err)
	}
	written := time.Now().Add(-age)
	if err := os.Chtimes(s.LocalPath(a), written, written); err != nil {
		t.Fatal(err)
	}
	return a
}

// tree writes files below a new folder. All of them get the same age.
func tree(t *testing.T, age time.Duration, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
		written := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), written, written); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// names lists everything below dir, directories excepted.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "")
	for _, path := range []string{"", filepath.Join(dir, "none"), file} {
		if _, err := New(&config.Options{StoragePath: path, StorageAdvAddress: host}); err == nil {
			t.Errorf("storage path %q was accepted", path)
		}
	}

	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80",
		"[::1]:80":     "[::1]:80",
		":80":          name + ":80",
		"0.0.0.0:80":   name + ":80",
		"[::]:80":      name + ":80",
	} {
		s, err := New(&config.Options{StoragePath: dir, StorageAddress: listen})
		if err != nil {
			t.Errorf("%s: %v", listen, err)
		} else if s.Hostname != want {
			t.Errorf("%s is advertised as %s, want %s", listen, s.Hostname, want)
		}
	}
	if _, err := New(&config.Options{StoragePath: dir, StorageAddress: "no port"}); err == nil {
		t.Error("an address without a port was accepted")
	}
}

func TestPathAndURL(t *testing.T) {
	s := newStorage(t)
	a := s.NewArtifactFor("GitRepository", object, "main@sha1:1", "1.tar.gz")
	if want := "gitrepository/flux-system/lab/1.tar.gz"; a.Path != want {
		t.Errorf("path %q, want %q", a.Path, want)
	}
	if want := "http://" + host + "/gitrepository/flux-system/lab/1.tar.gz"; a.URL != want {
		t.Errorf("URL %q, want %q", a.URL, want)
	}
	if a.Revision != "main@sha1:1" {
		t.Errorf("revision %q", a.Revision)
	}
	if want := filepath.Join(s.BasePath, a.Path); s.LocalPath(a) != want {
		t.Errorf("local path %q, want %q", s.LocalPath(a), want)
	}

	// The address changes from one start to the next.
	s.Hostname = "127.0.0.1:9191"
	s.SetArtifactURL(&a)
	if want := "http://127.0.0.1:9191/" + a.Path; a.URL != want {
		t.Errorf("URL %q, want %q", a.URL, want)
	}
	if got, want := s.SetHostname("http://"+host+"/x/y?z"), "http://127.0.0.1:9191/x/y?z"; got != want {
		t.Errorf("URL %q, want %q", got, want)
	}
	if got := s.SetHostname("http://[broken"); got != "" {
		t.Errorf("no URL became %q", got)
	}
}

func TestArchiveDigestRepeats(t *testing.T) {
	s := newStorage(t)
	files := map[string]string{"b.yaml": "b", "a/c.yaml": "c", "a/b/d.yaml": "d"}
	first, second := newArtifact(t, s, "1.tar.gz"), newArtifact(t, s, "2.tar.gz")
	if err := s.Archive(&first, tree(t, time.Hour, files), nil); err != nil {
		t.Fatal(err)
	}
	// Another folder, other times, same content.
	if err := s.Archive(&second, tree(t, time.Second, files), nil); err != nil {
		t.Fatal(err)
	}
	if first.Digest == "" || first.Digest != second.Digest {
		t.Errorf("digests %q and %q", first.Digest, second.Digest)
	}
	if !strings.HasPrefix(first.Digest, "sha256:") {
		t.Errorf("digest %q is not of the default algorithm", first.Digest)
	}
	info, err := os.Stat(s.LocalPath(first))
	if err != nil {
		t.Fatal(err)
	}
	if first.Size == nil || *first.Size != info.Size() {
		t.Errorf("size %v, want %d", first.Size, info.Size())
	}
	if time.Since(first.LastUpdateTime.Time) > time.Minute {
		t.Errorf("written at %s", first.LastUpdateTime)
	}

	files["b.yaml"] = "changed"
	if err := s.Archive(&second, tree(t, time.Second, files), nil); err != nil {
		t.Fatal(err)
	}
	if first.Digest == second.Digest {
		t.Error("other content has the same digest")
	}
	expect(t, names(t, s.BasePath), "gitrepository/flux-system/lab/1.tar.gz", "gitrepository/flux-system/lab/2.tar.gz")
}

func TestArchiveFilter(t *testing.T) {
	tests := map[string]struct{ patterns, archived []string }{
		"by default": {nil, []string{"app.yaml", "docs/page.yaml"}},
		"one pattern ends the default": {
			[]string{"/docs/"}, []string{".sops.yaml", "app.yaml", "kept.png", "logo.png"},
		},
		"a later pattern takes back": {
			[]string{"*.png", "!kept.png", "!/.git/config"},
			[]string{".git/config", ".sops.yaml", "app.yaml", "docs/page.yaml", "kept.png"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStorage(t)
			dir := tree(t, 0, map[string]string{
				"app.yaml": "", "logo.png": "", "kept.png": "", ".git/config": "", "docs/page.yaml": "", ".sops.yaml": "",
			})
			domain := strings.Split(dir, string(filepath.Separator))
			var patterns []gitignore.Pattern
			for _, pattern := range test.patterns {
				patterns = append(patterns, gitignore.ParsePattern(pattern, domain))
			}
			a := newArtifact(t, s, "1.tar.gz")
			if err := s.Archive(&a, dir, SourceIgnoreFilter(patterns, domain)); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if err := s.CopyToPath(&a, "", out); err != nil {
				t.Fatal(err)
			}
			expect(t, names(t, out), test.archived...)
		})
	}
}

func TestFailedWriteChangesNothing(t *testing.T) {
	s := newStorage(t)
	a := putAged(t, s, "1.tar.gz", 0)
	before := a
	if err := s.CopyFromPath(&a, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing source was not reported")
	}
	if err := s.Copy(&a, broken{}); err == nil {
		t.Error("a failing source was not reported")
	}
	if err := s.Archive(&a, filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a missing directory was not reported")
	}
	if err := s.Archive(&a, s.LocalPath(a), nil); err == nil {
		t.Error("a file was archived as a directory")
	}
	if !reflect.DeepEqual(a, before) {
		t.Errorf("artifact changed to %+v", a)
	}
	expect(t, names(t, s.BasePath), a.Path)
	if err := s.VerifyArtifact(a); err != nil {
		t.Error(err)
	}
}

// broken yields some content and then fails.
type broken struct{}

func (broken) Read(p []byte) (int, error) {
	return copy(p, "half"), fs.ErrInvalid
}

func TestVerifyDetectsDamage(t *testing.T) {
	s := newStorage(t)
	a := putAged(t, s, "1.tar.gz", 0)
	if err := s.VerifyArtifact(a); err != nil {
		t.Fatalf("undamaged: %v", err)
	}
	for name, damage := range map[string]func(*meta.Artifact){
		"no digest":       func(a *meta.Artifact) { a.Digest = "" },
		"not a digest":    func(a *meta.Artifact) { a.Digest = "sha256:00" },
		"unknown digest":  func(a *meta.Artifact) { a.Digest = "md5:d41d8cd98f00b204e9800998ecf8427e" },
		"missing file":    func(a *meta.Artifact) { a.Path += ".gone" },
		"changed content": func(a *meta.Artifact) { write(t, s.LocalPath(*a), "1.tar.gZ") },
		"cut short":       func(a *meta.Artifact) { write(t, s.LocalPath(*a), "1.tar") },
	} {
		damaged := putAged(t, s, "1.tar.gz", 0)
		damage(&damaged)
		if err := s.VerifyArtifact(damaged); err == nil {
			t.Errorf("%s was not detected", name)
		}
	}
}

func TestArtifactExist(t *testing.T) {
	s := newStorage(t)
	a := putAged(t, s, "1.tar.gz", 0)
	if !s.ArtifactExist(a) {
		t.Error("an artifact does not exist")
	}
	if _, err := s.Symlink(a, "latest.tar.gz"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"gitrepository/flux-system/lab/none", "gitrepository/flux-system/lab/latest.tar.gz", "gitrepository/flux-system/lab",
	} {
		if s.ArtifactExist(meta.Artifact{Path: path}) {
			t.Errorf("%q counts as an artifact", path)
		}
	}
	if err := s.Remove(a); err != nil {
		t.Fatal(err)
	}
	if s.ArtifactExist(a) {
		t.Error("a removed artifact exists")
	}
}

// TestBadPathsReachNothing has files everywhere a bad path could lead to, all
// of them old enough for garbage collection, and works in one of the folders.
func TestBadPathsReachNothing(t *testing.T) {
	outer := t.TempDir()
	base := filepath.Join(outer, "one", "two", "base")
	work := filepath.Join(outer, "work")
	for _, dir := range []string{
		outer, filepath.Join(outer, "one"), filepath.Join(outer, "one", "two"), base, work,
		filepath.Join(base, "gitrepository"), filepath.Join(base, "gitrepository", "flux-system"),
		filepath.Join(base, "gitrepository", "flux-system", "lab"),
	} {
		for _, name := range []string{"a.tar.gz", "b.tar.gz", "c.tar.gz"} {
			write(t, filepath.Join(dir, name), "content")
			written := time.Now().Add(-time.Hour)
			if err := os.Chtimes(filepath.Join(dir, name), written, written); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(work)
	s, err := New(&config.Options{StoragePath: base, StorageAdvAddress: host, ArtifactRetentionTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	before := names(t, outer)

	for _, path := range badPaths {
		a := meta.Artifact{Path: path, Digest: "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"}
		if got := s.LocalPath(a); got != "" {
			t.Errorf("%q: local path %q", path, got)
		}
		if s.ArtifactExist(a) {
			t.Errorf("%q: exists", path)
		}
		for call, err := range map[string]error{
			"VerifyArtifact": s.VerifyArtifact(a),
			"MkdirAll":       s.MkdirAll(a),
			"Copy":           s.Copy(&a, strings.NewReader("evil")),
			"Archive":        s.Archive(&a, work, nil),
			"CopyToPath":     s.CopyToPath(&a, "", filepath.Join(outer, "out")),
			"Remove":         s.Remove(a),
		} {
			if err == nil {
				t.Errorf("%q: %s succeeded", path, call)
			}
		}
		if _, err := s.Lock(a); err == nil {
			t.Errorf("%q: Lock succeeded", path)
		}
		if _, err := s.Symlink(a, "latest"); err == nil {
			t.Errorf("%q: Symlink succeeded", path)
		}
		if _, err := s.RemoveAll(a); err == nil {
			t.Errorf("%q: RemoveAll succeeded", path)
		}
		if deleted, err := s.GarbageCollect(t.Context(), a, time.Minute); err == nil || len(deleted) > 0 {
			t.Errorf("%q: GarbageCollect deleted %q", path, deleted)
		}
	}
	expect(t, names(t, outer), before...)
}

func TestCopyToPath(t *testing.T) {
	s := newStorage(t)
	a := newArtifact(t, s, "1.tar.gz")
	if err := s.Archive(&a, tree(t, 0, map[string]string{"top.yaml": "top", "sub/in.yaml": "in"}), nil); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	write(t, filepath.Join(parent, "outside"), "outside")
	for i, c := range []struct {
		subPath string
		files   []string
	}{
		{"", []string{"sub/in.yaml", "top.yaml"}},
		{"./", []string{"sub/in.yaml", "top.yaml"}},
		{"sub", []string{"in.yaml"}},
		{"/sub/", []string{"in.yaml"}},
		{"../../sub", []string{"in.yaml"}},
		{"sub/in.yaml", []string{"."}},
	} {
		to := filepath.Join(parent, "to", string(rune('a'+i)))
		if err := s.CopyToPath(&a, c.subPath, to); err != nil {
			t.Errorf("%q: %v", c.subPath, err)
			continue
		}
		expect(t, names(t, to), c.files...)
	}
	if err := s.CopyToPath(&a, "../outside", filepath.Join(parent, "to", "z")); err == nil {
		t.Error("a path outside of the archive was copied")
	}
	if err := s.CopyToPath(&a, "none", filepath.Join(parent, "to", "z")); err == nil {
		t.Error("a missing path was copied")
	}
	if err := s.CopyToPath(nil, "", filepath.Join(parent, "to", "z")); err == nil {
		t.Error("nothing was copied")
	}
	entries, err := os.ReadDir(filepath.Join(parent, "to"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 6 {
		t.Errorf("something is left over: %v", entries)
	}
}

func TestSymlinkIsRelativeAndReplaced(t *testing.T) {
	s := newStorage(t)
	for _, name := range []string{"1.tar.gz", "2.tar.gz"} {
		a := putAged(t, s, name, 0)
		url, err := s.Symlink(a, "latest.tar.gz")
		if err != nil {
			t.Fatal(err)
		}
		if want := "http://" + host + "/gitrepository/flux-system/lab/latest.tar.gz"; url != want {
			t.Errorf("URL %q, want %q", url, want)
		}
		link := filepath.Join(filepath.Dir(s.LocalPath(a)), "latest.tar.gz")
		target, err := os.Readlink(link)
		if err != nil {
			t.Fatal(err)
		}
		if target != name {
			t.Errorf("link points to %q, want %q", target, name)
		}
		if got := read(t, link); got != name {
			t.Errorf("link leads to %q, want %q", got, name)
		}
	}
	a := putAged(t, s, "1.tar.gz", 0)
	for _, name := range []string{"", ".", "..", "../x", "/x", "x/y"} {
		if _, err := s.Symlink(a, name); err == nil {
			t.Errorf("link name %q was accepted", name)
		}
	}
}

func TestLock(t *testing.T) {
	s := newStorage(t)
	a := newArtifact(t, s, "1.tar.gz")
	unlock, err := s.Lock(a)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan func())
	go func() {
		unlock, err := s.Lock(a)
		if err != nil {
			t.Error(err)
			unlock = func() {}
		}
		second <- unlock
	}()
	select {
	case <-second:
		t.Error("two hold the lock at once")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	select {
	case unlock := <-second:
		unlock()
	case <-time.After(5 * time.Second):
		t.Error("the lock was not released")
	}
}

func TestRemoveAll(t *testing.T) {
	s := newStorage(t)
	a := putAged(t, s, "1.tar.gz", 0)
	putAged(t, s, "2.tar.gz", 0)
	other := s.NewArtifactFor("GitRepository", &metav1.ObjectMeta{Namespace: "flux-system", Name: "lab2"}, "", "1.tar.gz")
	if err := s.MkdirAll(other); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(&other, strings.NewReader("other")); err != nil {
		t.Fatal(err)
	}
	// The controller asks with a pattern as file name when an object is gone.
	all := s.NewArtifactFor("GitRepository", object, "", "*")
	deleted, err := s.RemoveAll(all)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Dir(s.LocalPath(a)); deleted != want {
		t.Errorf("deleted %q, want %q", deleted, want)
	}
	expect(t, names(t, s.BasePath), other.Path)
	if deleted, err = s.RemoveAll(all); err != nil || deleted != "" {
		t.Errorf("again: %q, %v", deleted, err)
	}
}

func TestGarbageCollect(t *testing.T) {
	for name, c := range map[string]struct {
		records int
		ttl     time.Duration
		current string
		ages    map[string]time.Duration
		kept    []string
	}{
		"too old goes": {
			records: 10, ttl: time.Minute, current: "3",
			ages: map[string]time.Duration{"1": 2 * time.Minute, "2": 30 * time.Second, "3": 0},
			kept: []string{"2", "3"},
		},
		"too many go, oldest first": {
			records: 2, ttl: time.Hour, current: "4",
			ages: map[string]time.Duration{"1": 40 * time.Second, "2": 30 * time.Second, "3": 20 * time.Second, "4": 0},
			kept: []string{"3", "4"},
		},
		"the current one stays, however old": {
			records: 2, ttl: time.Minute, current: "1",
			ages: map[string]time.Duration{"1": time.Hour, "2": 20 * time.Second, "3": 10 * time.Second},
			kept: []string{"1", "3"},
		},
		"the current one stays, whatever the number": {
			records: 0, ttl: time.Minute, current: "1",
			ages: map[string]time.Duration{"1": time.Hour, "2": 0},
			kept: []string{"1"},
		},
		"nothing to do": {
			records: 2, ttl: time.Minute, current: "2",
			ages: map[string]time.Duration{"1": 10 * time.Second, "2": 0},
			kept: []string{"1", "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStorage(t)
			s.ArtifactRetentionRecords, s.ArtifactRetentionTTL = c.records, c.ttl
			for file, age := range c.ages {
				putAged(t, s, file, age)
			}
			current := newArtifact(t, s, c.current)
			deleted, err := s.GarbageCollect(t.Context(), current, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, names(t, filepath.Dir(s.LocalPath(current))), c.kept...)
			if len(deleted) != len(c.ages)-len(c.kept) {
				t.Errorf("deleted %q", deleted)
			}
			for _, file := range deleted {
				if !filepath.IsAbs(file) {
					t.Errorf("deleted %q is no absolute path", file)
				}
			}
		})
	}
}

func TestGarbageCollectLeavesNothingBehind(t *testing.T) {
	s := newStorage(t)
	old, current := putAged(t, s, "1.tar.gz", time.Hour), putAged(t, s, "2.tar.gz", 0)
	for _, a := range []meta.Artifact{old, current} {
		unlock, err := s.Lock(a)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	if _, err := s.Symlink(current, "latest.tar.gz"); err != nil {
		t.Fatal(err)
	}
	// One from a crash, one that may still be in use.
	putAged(t, s, partialPrefix+"old", time.Hour)
	putAged(t, s, partialPrefix+"new", 0)

	if _, err := s.GarbageCollect(t.Context(), current, time.Minute); err != nil {
		t.Fatal(err)
	}
	expect(t, names(t, filepath.Dir(s.LocalPath(current))),
		partialPrefix+"new", "2.tar.gz", "2.tar.gz"+lockSuffix, "latest.tar.gz")
}

func TestGarbageCollectStops(t *testing.T) {
	s := newStorage(t)
	putAged(t, s, "1.tar.gz", time.Hour)
	current := putAged(t, s, "2.tar.gz", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, collect := range map[string]func() ([]string, error){
		"cancelled": func() ([]string, error) { return s.GarbageCollect(ctx, current, time.Minute) },
		"timed out": func() ([]string, error) { return s.GarbageCollect(t.Context(), current, 0) },
	} {
		if deleted, err := collect(); err == nil || len(deleted) > 0 {
			t.Errorf("%s: deleted %q, error %v", name, deleted, err)
		}
	}
}

func TestGarbageCollectOfNothing(t *testing.T) {
	s := newStorage(t)
	a := s.NewArtifactFor("GitRepository", object, "", "1.tar.gz")
	if deleted, err := s.GarbageCollect(t.Context(), a, time.Minute); err != nil || len(deleted) > 0 {
		t.Errorf("deleted %q, error %v", deleted, err)
	}
}
