package lab

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"
)

// settings are an object of a JSON document.
type settings = map[string]any

// markHeader is in each answer of the registry, with a value that differs for each process.
const markHeader = "X-Lab-Registry"

// configure writes the registry's configuration file, and the one with its users. The format is that of distribution's
// docs/content/about/configuration.md: YAML, of which JSON is a part.
func (r *Registry) configure(addr, mark string) (path string, err error) {
	config := settings{
		"version": "0.1",
		"log":     settings{"level": "warn", "accesslog": settings{"disabled": true}},
		"storage": settings{
			"filesystem": settings{"rootdirectory": filepath.Join(r.dir, "storage")},
			"delete":     settings{"enabled": true},
		},
		"catalog": settings{"maxentries": 1000},
		"http": settings{
			"addr":    addr,
			"secret":  rand.Text(), // signs the state of uploads, which end with the process
			"headers": settings{markHeader: []string{mark}},
		},
	}
	if users := r.users(); len(users) > 0 {
		passwords := filepath.Join(r.dir, "htpasswd")
		if err := writePasswords(passwords, users); err != nil {
			return "", err
		}
		config["auth"] = settings{"htpasswd": settings{"realm": "lab", "path": passwords}}
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", err
	}
	path = filepath.Join(r.dir, "config.yml")
	return path, os.WriteFile(path, append(text, '\n'), 0o600)
}

// writePasswords writes users as Apache's htpasswd does.
func writePasswords(path string, users map[string]string) error {
	var text []byte
	for name, password := range users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return fmt.Errorf("password of %s: %w", name, err)
		}
		text = fmt.Appendf(text, "%s:%s\n", name, hash)
	}
	return os.WriteFile(path, text, 0o600)
}
