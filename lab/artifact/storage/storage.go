// SPDX-License-Identifier: GPL-3.0-or-later

// Package storage keeps the artifacts of source-controller in a folder.
//
// An artifact is one file, <kind>/<namespace>/<name>/<file> below the base
// path. The path of an artifact comes from the status of an API object, which
// others than the controller can write; so every path is checked before it is
// used (see locate).
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/lockedfile"
	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"github.com/fluxcd/pkg/tar"
	"github.com/opencontainers/go-digest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxcd/pkg/artifact/config"
	artifactdigest "github.com/fluxcd/pkg/artifact/digest"
)

const (
	// lockSuffix marks the file that is locked while an artifact is written.
	lockSuffix = ".lock"
	// partialPrefix marks files that are still being written.
	partialPrefix = ".partial-"
	// pathParts is the number of parts of an artifact path: kind, namespace,
	// name and file.
	pathParts = 4
)

// Storage is a folder with artifacts.
type Storage struct {
	// BasePath is the folder.
	BasePath string
	// Hostname is the host and port in artifact URLs.
	Hostname string
	// ArtifactRetentionTTL is how long a superseded artifact is kept.
	ArtifactRetentionTTL time.Duration
	// ArtifactRetentionRecords is how many artifacts of one object are kept,
	// the current one included.
	ArtifactRetentionRecords int
}

// ArchiveFileFilter reports whether a file or directory is left out of an
// archive. The path is absolute.
type ArchiveFileFilter func(path string, fi os.FileInfo) bool

// New returns the storage in o.StoragePath. The folder is not made here: a
// wrong or unmounted path shall not turn into an empty storage.
func New(o *config.Options) (*Storage, error) {
	info, err := os.Stat(o.StoragePath)
	if err != nil {
		return nil, fmt.Errorf("artifact storage: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("artifact storage: %q is not a directory", o.StoragePath)
	}
	// The process may change its working directory later.
	base, err := filepath.Abs(o.StoragePath)
	if err != nil {
		return nil, fmt.Errorf("artifact storage: %w", err)
	}
	hostname := o.StorageAdvAddress
	if hostname == "" {
		if hostname, err = advertised(o.StorageAddress); err != nil {
			return nil, fmt.Errorf("artifact storage: %w", err)
		}
	}
	return &Storage{
		BasePath:                 base,
		Hostname:                 hostname,
		ArtifactRetentionTTL:     o.ArtifactRetentionTTL,
		ArtifactRetentionRecords: o.ArtifactRetentionRecords,
	}, nil
}

// advertised turns a listen address into one that others can connect to: "all
// interfaces" becomes the name of this host.
func advertised(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return "", err
		}
	}
	return net.JoinHostPort(host, port), nil
}

// SourceIgnoreFilter returns a filter that leaves out what version control
// systems keep for themselves and what the patterns say; a later pattern can
// take back an earlier one. What Flux leaves out by default holds only as long
// as there is no pattern at all.
func SourceIgnoreFilter(ps []gitignore.Pattern, domain []string) ArchiveFileFilter {
	matcher := sourceignore.NewDefaultMatcher(nil, domain)
	if len(ps) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), ps...))
	}
	return func(path string, fi os.FileInfo) bool {
		return matcher.Match(strings.Split(path, string(filepath.Separator)), fi.IsDir())
	}
}

// NewArtifactFor returns the artifact of an object at a revision. It has a path
// and a URL, and neither content nor digest yet.
func (s *Storage) NewArtifactFor(kind string, obj metav1.Object, revision, fileName string) meta.Artifact {
	artifact := meta.Artifact{
		Path:     path.Join(strings.ToLower(kind), obj.GetNamespace(), obj.GetName(), fileName),
		Revision: revision,
	}
	s.SetArtifactURL(&artifact)
	return artifact
}

// SetArtifactURL makes the URL of the artifact follow from its path and the
// address of this storage, which differs from the last one after a restart.
func (s *Storage) SetArtifactURL(a *meta.Artifact) {
	if a.Path != "" {
		a.URL = s.url(a.Path)
	}
}

// SetHostname returns the URL with the host replaced by that of this storage,
// or nothing if it is no URL.
func (s *Storage) SetHostname(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return ""
	}
	parsed.Host = s.Hostname
	return parsed.String()
}

func (s *Storage) url(artifactPath string) string {
	return "http://" + s.Hostname + "/" + strings.TrimPrefix(artifactPath, "/")
}

// locate returns the file of an artifact. It refuses a path that could mean
// anything else than a file of one object: an empty one (whose directory would
// be the base path, or even the working directory, of this process), one that
// leads out of the base path, and one that is too short.
func (s *Storage) locate(artifactPath string) (string, error) {
	local := filepath.FromSlash(artifactPath)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("invalid artifact path %q", artifactPath)
	}
	local = filepath.Clean(local)
	if strings.Count(local, string(filepath.Separator))+1 < pathParts {
		return "", fmt.Errorf("invalid artifact path %q", artifactPath)
	}
	return filepath.Join(s.BasePath, local), nil
}

// LocalPath returns the file of the artifact, or nothing if its path is not
// valid.
func (s *Storage) LocalPath(a meta.Artifact) string {
	file, err := s.locate(a.Path)
	if err != nil {
		return ""
	}
	return file
}

// MkdirAll makes the directory of the artifact.
func (s *Storage) MkdirAll(a meta.Artifact) error {
	file, err := s.locate(a.Path)
	if err != nil {
		return err
	}
	return os.MkdirAll(filepath.Dir(file), 0o700)
}

// Lock locks the artifact until unlock is called. Its directory has to exist.
func (s *Storage) Lock(a meta.Artifact) (unlock func(), err error) {
	file, err := s.locate(a.Path)
	if err != nil {
		return nil, err
	}
	return lockedfile.MutexAt(file + lockSuffix).Lock()
}

// ArtifactExist reports whether the file of the artifact exists.
func (s *Storage) ArtifactExist(a meta.Artifact) bool {
	file, err := s.locate(a.Path)
	if err != nil {
		return false
	}
	info, err := os.Lstat(file)
	return err == nil && info.Mode().IsRegular()
}

// VerifyArtifact returns an error unless the file of the artifact has the
// digest of the artifact.
func (s *Storage) VerifyArtifact(a meta.Artifact) error {
	file, err := s.locate(a.Path)
	if err != nil {
		return err
	}
	expected, err := digest.Parse(a.Digest)
	if err != nil {
		return fmt.Errorf("artifact digest %q: %w", a.Digest, err)
	}
	content, err := os.Open(file)
	if err != nil {
		return err
	}
	defer content.Close()
	verifier := expected.Verifier()
	if _, err := io.Copy(verifier, content); err != nil {
		return err
	}
	if !verifier.Verified() {
		return fmt.Errorf("content of %q does not have the digest %s", a.Path, expected)
	}
	return nil
}

// Archive makes the file of the artifact from a directory, as tar.gz without
// what filter (may be nil) reports. Equal content gives an equal digest: order
// is by name, times and owners are left out. File modes are not, so it is the
// caller's umask that has to be the same.
func (s *Storage) Archive(a *meta.Artifact, dir string, filter ArchiveFileFilter) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is not a directory", dir)
	}
	var options []tar.Option
	if filter != nil {
		options = append(options, tar.WithFilter(filter))
	}
	return s.write(a, func(w io.Writer) error {
		_, err := tar.Tar(dir, w, options...)
		return err
	})
}

// Copy makes the file of the artifact from what r holds.
func (s *Storage) Copy(a *meta.Artifact, r io.Reader) error {
	return s.write(a, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

// CopyFromPath makes the file of the artifact from a file.
func (s *Storage) CopyFromPath(a *meta.Artifact, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	return s.Copy(a, source)
}

// write replaces the file of the artifact by what fill writes, at once, and
// then records digest, size and time in the artifact. If anything fails, file
// and artifact are as before.
func (s *Storage) write(a *meta.Artifact, fill func(io.Writer) error) (err error) {
	file, err := s.locate(a.Path)
	if err != nil {
		return err
	}
	// Renaming is atomic only inside of one file system.
	partial, err := os.CreateTemp(filepath.Dir(file), partialPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			partial.Close()
			os.Remove(partial.Name())
		}
	}()

	digester := artifactdigest.Canonical.Digester()
	if err := fill(io.MultiWriter(partial, digester.Hash())); err != nil {
		return err
	}
	info, err := partial.Stat()
	if err != nil {
		return err
	}
	if err := partial.Close(); err != nil {
		return err
	}
	if err := os.Rename(partial.Name(), file); err != nil {
		return err
	}

	size := info.Size()
	a.Digest = digester.Digest().String()
	a.Size = &size
	a.LastUpdateTime = metav1.Now()
	return nil
}

// CopyToPath unpacks the artifact and puts what is at subPath in it to toPath.
// A subPath that leads out of the archive is taken as if its root were "/".
// Nothing may exist at toPath.
func (s *Storage) CopyToPath(a *meta.Artifact, subPath, toPath string) error {
	if a == nil {
		return errors.New("no artifact to copy from")
	}
	file, err := s.locate(a.Path)
	if err != nil {
		return err
	}
	archive, err := os.Open(file)
	if err != nil {
		return err
	}
	defer archive.Close()

	// Next to the target, so that the last step is a rename.
	parent := filepath.Dir(toPath)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	unpacked, err := os.MkdirTemp(parent, partialPrefix+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unpacked)

	// Without symlinks a path that is clean in form is clean in fact. The
	// archives come from this storage, so their size needs no limit.
	if err := tar.Untar(archive, unpacked, tar.WithMaxUntarSize(-1), tar.WithSkipSymlinks()); err != nil {
		return fmt.Errorf("cannot unpack %q: %w", a.Path, err)
	}
	source := filepath.Join(unpacked, filepath.Clean("/"+subPath))
	if _, err := os.Lstat(source); err != nil {
		return fmt.Errorf("%q is not in %q", subPath, a.Path)
	}
	if source == unpacked {
		// Temporary directories are private; what is made from one is not.
		if err := os.Chmod(unpacked, 0o755); err != nil {
			return err
		}
	}
	return os.Rename(source, toPath)
}

// Symlink makes linkName next to the file of the artifact point at it, in place
// of any earlier link, and returns the URL of the link. The link is relative:
// it stays right when the storage moves, and the server, which follows nothing
// that leads out of its root, refuses absolute ones.
func (s *Storage) Symlink(a meta.Artifact, linkName string) (string, error) {
	file, err := s.locate(a.Path)
	if err != nil {
		return "", err
	}
	// A plain name: no folder in it, and neither empty, "." nor "..".
	if filepath.Base(linkName) != linkName || !filepath.IsLocal(linkName) || linkName == "." {
		return "", fmt.Errorf("invalid link name %q", linkName)
	}
	dir := filepath.Dir(file)
	// A link cannot be replaced, but another one can be renamed over it. The
	// object is locked, so its name needs to be no more than fixed.
	partial := filepath.Join(dir, partialPrefix+linkName)
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Symlink(filepath.Base(file), partial); err != nil {
		return "", err
	}
	if err := os.Rename(partial, filepath.Join(dir, linkName)); err != nil {
		os.Remove(partial)
		return "", err
	}
	return s.url(path.Join(path.Dir(a.Path), linkName)), nil
}

// Remove deletes the file of the artifact.
func (s *Storage) Remove(a meta.Artifact) error {
	file, err := s.locate(a.Path)
	if err != nil {
		return err
	}
	return os.Remove(file)
}

// RemoveAll deletes the directory of the artifact, with all artifacts of its
// object, and returns it, or nothing if there was none.
func (s *Storage) RemoveAll(a meta.Artifact) (string, error) {
	file, err := s.locate(a.Path)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(file)
	if _, err := os.Lstat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", err
	}
	return dir, os.RemoveAll(dir)
}

// GarbageCollect deletes artifacts of the object that a supersedes: those that
// are older than the time to live, and the oldest of those that are too many.
// The artifact itself always stays. It returns the files it has deleted, also
// when it returns an error, for instance because timeout has passed.
func (s *Storage) GarbageCollect(ctx context.Context, a meta.Artifact, timeout time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	current, err := s.locate(a.Path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(current)
	garbage, err := s.garbage(dir, filepath.Base(current))
	if err != nil {
		return nil, err
	}
	var deleted []string
	for _, name := range garbage {
		if err := ctx.Err(); err != nil {
			return deleted, fmt.Errorf("garbage collection in %q: %w", dir, err)
		}
		file := filepath.Join(dir, name)
		if err := os.Remove(file); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return deleted, err
		}
		deleted = append(deleted, file)
		if err := os.Remove(file + lockSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return deleted, err
		}
	}
	return deleted, nil
}

// garbage returns the names of the files in dir that may be deleted.
func (s *Storage) garbage(dir, current string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	type file struct {
		name    string
		written time.Time
	}
	oldest := time.Now().Add(-s.ArtifactRetentionTTL)
	var garbage []string
	var superseded []file
	for _, entry := range entries {
		name := entry.Name()
		// Links follow the artifact they point at, locks are deleted with theirs.
		if !entry.Type().IsRegular() || name == current || strings.HasSuffix(name, lockSuffix) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch {
		case info.ModTime().Before(oldest):
			garbage = append(garbage, name)
		case strings.HasPrefix(name, partialPrefix):
			// Either being written, or left by a crash and old enough soon. It
			// must not take the place of an artifact.
		default:
			superseded = append(superseded, file{name, info.ModTime()})
		}
	}

	slices.SortFunc(superseded, func(a, b file) int {
		if newestFirst := b.written.Compare(a.written); newestFirst != 0 {
			return newestFirst
		}
		return cmp.Compare(a.name, b.name)
	})
	// One place belongs to the current artifact, whatever the number is.
	keep := min(max(s.ArtifactRetentionRecords-1, 0), len(superseded))
	for _, file := range superseded[keep:] {
		garbage = append(garbage, file.name)
	}
	return garbage, nil
}
