package gobuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// recorder records the files that went into a binary, and detects changes of them. It compares contents; times of files do not matter.
//
// Packages of other modules only change with go.sum, and those of the standard library only with the go command. So the fingerprint has these
// two, and the content of the module's own packages.
type recorder struct {
	compiler Compiler
	file     string   // path of the record
	about    []string // the command line and the relevant part of the environment
	folders  []folder
}

// folder is a package of the module itself.
type folder struct {
	Dir  string `json:"dir"`            // absolute
	Deep bool   `json:"deep,omitempty"` // it embeds files, which may be below it
}

type record struct {
	Folders     []folder `json:"folders"`
	Fingerprint string   `json:"fingerprint"`
	SHA256      string   `json:"sha256"` // of the binary
}

// kept returns the kept binary, if compiling again would give the same one.
func (r *recorder) kept(name string) (Binary, bool) {
	last, ok := r.read()
	if !ok || last.SHA256 == "" {
		return Binary{}, false
	}
	b := Binary{Path: kept(filepath.Dir(r.file), last.SHA256, name), SHA256: last.SHA256}
	if sum, err := hashFile(b.Path); err != nil || sum != b.SHA256 {
		return Binary{}, false
	}
	now, err := r.fingerprint(last.Folders)
	return b, err == nil && now == last.Fingerprint
}

func (r *recorder) read() (last record, ok bool) {
	text, err := os.ReadFile(r.file)
	return last, err == nil && json.Unmarshal(text, &last) == nil
}

// before is the fingerprint of the sources before the compiler reads them. The last record has the list of sources, otherwise Go lists them. In a
// folder with nothing else, all files are sources.
func (r *recorder) before(ctx context.Context, p Program, env []string) (string, error) {
	last, ok := r.read()
	if r.folders = last.Folders; r.compiler.Alone {
		r.folders = r.compiler.all()
	} else if !ok {
		if err := r.list(ctx, p, env); err != nil {
			return "", err
		}
	}
	return r.fingerprint(r.folders)
}

// save writes the record. If a source changed while the compiler ran, it is unknown which version the compiler read: then there is no record, and
// the next build compiles again. The same applies if other packages than before went into the binary, because their content before is unknown.
func (r *recorder) save(b Binary, before string) error {
	after, err := r.fingerprint(r.folders)
	if err != nil || after != before {
		return err
	}
	text, err := json.Marshal(record{Folders: r.folders, Fingerprint: after, SHA256: b.SHA256})
	if err != nil {
		return err
	}
	return os.WriteFile(r.file, text, 0o644)
}

// list asks Go for the packages that go into the program.
func (r *recorder) list(ctx context.Context, p Program, env []string) error {
	output, err := r.compiler.run(ctx, env, "list", "-deps", "-json=Dir,Module,EmbedFiles,SFiles,Standard", "./"+p.Dir)
	if err != nil {
		return commandError(err, output)
	}
	packages, err := parsePackages(output)
	if err != nil {
		return err
	}
	if err := r.compiler.checkInside(packages); err != nil {
		return err
	}
	if r.folders = foldersOf(packages); r.compiler.Alone {
		r.folders = r.compiler.all()
	}
	return nil
}

// all are all files below the module's folder.
func (c Compiler) all() []folder { return []folder{{Dir: c.Root, Deep: true}} }

// listed is a package as `go list -json` describes it.
type listed struct {
	Dir        string
	EmbedFiles []string
	SFiles     []string // in assembly
	Standard   bool
	Module     *listedModule
}

type listedModule struct {
	Path, Version, Dir string
	Replace            *struct{ Version, Dir string }
}

// local reports whether a module has no version, but is a folder that can change.
func (m *listedModule) local() bool {
	return m.Version == "" || m.Replace != nil && m.Replace.Version == ""
}

// parsePackages reads the stream of objects that `go list -json` prints.
func parsePackages(output []byte) (packages []listed, err error) {
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// foldersOf returns the packages whose source can change: those of modules without a version. For a module that is replaced by a folder, it
// includes that folder, for its go.mod.
func foldersOf(packages []listed) (folders []folder) {
	for _, p := range packages {
		if p.Module == nil || !p.Module.local() {
			continue
		}
		folders = append(folders, folder{Dir: p.Dir, Deep: len(p.EmbedFiles) > 0})
		if r := p.Module.Replace; r != nil && !slices.Contains(folders, folder{Dir: r.Dir}) {
			folders = append(folders, folder{Dir: r.Dir})
		}
	}
	return folders
}

// fingerprint hashes all inputs of the binary.
func (r *recorder) fingerprint(folders []folder) (string, error) {
	sum := sha256.New()
	for _, s := range r.about {
		fmt.Fprintf(sum, "%q\n", s)
	}
	if err := addToolchain(sum); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := addFile(sum, filepath.Join(r.compiler.Root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	for _, f := range folders {
		if err := addFolder(sum, f); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// addToolchain adds the go command on PATH: its path, size and time, and the version in its installation.
func addToolchain(sum hash.Hash) error {
	name, err := exec.LookPath("go")
	if err != nil {
		return err
	}
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	version, _ := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(name)), "VERSION")) // some installations have none
	fmt.Fprintf(sum, "go %q %d %d %q\n", name, info.Size(), info.ModTime().UnixNano(), version)
	return nil
}

// addFolder adds the files of a package: their names and contents. Go follows links to source files.
func addFolder(sum hash.Hash, f folder) error {
	return filepath.WalkDir(f.Dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != f.Dir && !f.Deep:
			return fs.SkipDir
		}
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			return nil // a folder, or a link that leads nowhere: Go reads neither
		}
		return addFile(sum, name)
	})
}

func addFile(sum hash.Hash, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%q %d\n", name, len(text))
	_, err = sum.Write(text)
	return err
}
