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
	"time"
)

// recorder knows which files went into a binary, and whether one of them changed.
//
// Packages of other modules do not change without go.sum, and those of the standard
// library not without the go command; so the fingerprint takes these two, and the
// content of the module's own packages.
type recorder struct {
	compiler Compiler
	file     string   // where the record lies
	about    []string // the command line and the environment that matters
	folders  []folder
	newest   time.Time // change among the files that were read
}

// folder is a package of the module itself.
type folder struct {
	Dir  string `json:"dir"`            // absolute
	Deep bool   `json:"deep,omitempty"` // it embeds files, which may lie below it
}

type record struct {
	Folders     []folder  `json:"folders"`
	Fingerprint string    `json:"fingerprint"`
	Size        int64     `json:"size"` // of the binary
	Time        time.Time `json:"time"` // of the binary
}

// unchanged reports whether the binary is what compiling again would give.
func (r *recorder) unchanged(binary string) bool {
	text, err := os.ReadFile(r.file)
	if err != nil {
		return false
	}
	var last record
	if json.Unmarshal(text, &last) != nil {
		return false
	}
	info, err := os.Stat(binary)
	if err != nil || info.Size() != last.Size || !info.ModTime().Equal(last.Time) {
		return false
	}
	now, err := r.fingerprint(last.Folders)
	return err == nil && now == last.Fingerprint
}

// save writes the record. If a source was changed while the compiler ran, nobody knows
// which of both it read: there is no record then, and the next build compiles again.
func (r *recorder) save(binary string, started time.Time) error {
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fingerprint, err := r.fingerprint(r.folders)
	if err != nil {
		return err
	}
	if !r.newest.Before(started) {
		return nil
	}
	text, err := json.Marshal(record{Folders: r.folders, Fingerprint: fingerprint, Size: info.Size(), Time: info.ModTime()})
	if err != nil {
		return err
	}
	return os.WriteFile(r.file, text, 0o644)
}

// list asks Go for the packages that go into the program.
func (r *recorder) list(ctx context.Context, p Program, env []string) error {
	output, err := r.compiler.run(ctx, env, "list", "-deps", "-json=Dir,Module,EmbedFiles", "./"+p.Dir)
	if err != nil {
		return commandError(err, output)
	}
	r.folders, err = parseFolders(output)
	return err
}

// parseFolders reads the stream of objects that `go list -json` prints, and keeps the
// packages whose source can change under us: those of modules without a version.
func parseFolders(output []byte) ([]folder, error) {
	var folders []folder
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var pkg struct {
			Dir        string
			EmbedFiles []string
			Module     *struct {
				Version string
				Replace *struct{ Version string }
			}
		}
		switch err := decoder.Decode(&pkg); {
		case errors.Is(err, io.EOF):
			return folders, nil
		case err != nil:
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		if m := pkg.Module; m != nil && (m.Version == "" || m.Replace != nil && m.Replace.Version == "") {
			folders = append(folders, folder{Dir: pkg.Dir, Deep: len(pkg.EmbedFiles) > 0})
		}
	}
}

// fingerprint hashes everything that decides about the binary.
func (r *recorder) fingerprint(folders []folder) (string, error) {
	sum := sha256.New()
	for _, s := range r.about {
		fmt.Fprintf(sum, "%q\n", s)
	}
	if err := addToolchain(sum); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := r.addFile(sum, filepath.Join(r.compiler.Root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	for _, f := range folders {
		if err := r.addFolder(sum, f); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// addToolchain takes the go command as it lies on PATH: its place, size and time.
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
	fmt.Fprintf(sum, "go %q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	return nil
}

// addFolder takes the files of a package: their names and contents.
func (r *recorder) addFolder(sum hash.Hash, f folder) error {
	return filepath.WalkDir(f.Dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != f.Dir && !f.Deep:
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		return r.addFile(sum, name)
	})
}

func (r *recorder) addFile(sum hash.Hash, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.ModTime().After(r.newest) {
		r.newest = info.ModTime()
	}
	fmt.Fprintf(sum, "%q %d\n", name, len(text))
	_, err = sum.Write(text)
	return err
}
