package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxSize is the largest secret, in bytes, for a build: BuildKit's session/secrets.MaxSecretSize.
const maxSize = 500 * 1024

// readFile reads a file:// secret. One trailing line end is dropped, the rest is unchanged.
func readFile(root, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, filepath.FromSlash(path))
	}
	data, err := readLimited(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", problemf(Missing, "", "file not found: %s", path)
	case err != nil:
		return "", problemf(Unreadable, "make it a file that you may read (chmod 600, your own)", "%w", err)
	case len(data) > maxSize:
		return "", problemf(Unreadable, "", "%s is larger than %d KiB, the maximum of a build secret", path, maxSize/1024)
	case !utf8.Valid(data):
		return "", problemf(Unreadable, "keep it base64-encoded and decode it where it is used", "%s is not text (UTF-8)", path)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", problemf(Empty, "", "%s is empty", path)
	}
	return value, nil
}

// readLimited reads at most one byte more than is allowed, so that the caller notices a larger file.
func readLimited(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}
