package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"
)

// forgeState is the forge's state outside its database, which it reads again. All of it is random and belongs to this forge.
type forgeState struct {
	Mark          string // distinguishes this forge from others
	SecretKey     string
	InternalToken string
	JWTSecret     string
	AdminToken    string
	Passwords     map[string]string      // of users, by name
	Tokens        map[string]forgeAccess // by user/name
}

// forgeAccess is a token that was issued.
type forgeAccess struct {
	Scopes []string
	Value  string
}

const forgeStateFile = "forge.json"

// loadState reads the forge's state, or makes it.
func (f *Forge) loadState() error {
	text, err := os.ReadFile(f.file(forgeStateFile))
	if errors.Is(err, fs.ErrNotExist) {
		f.state = forgeState{
			Mark:      "forge of the lab " + forgeSecret(4),
			SecretKey: forgeSecret(32), InternalToken: forgeSecret(32), JWTSecret: forgeSecret(32),
			Passwords: map[string]string{}, Tokens: map[string]forgeAccess{},
		}
		return f.saveState()
	}
	if err == nil {
		err = json.Unmarshal(text, &f.state)
	}
	if err != nil {
		return fmt.Errorf("read the state of the forge in %s: %w", f.dir, err)
	}
	return nil
}

func (f *Forge) saveState() error { return writeJSONAtomic(f.file(forgeStateFile), f.state) }

// forgeSecret is n random bytes, in Gitea's format.
func forgeSecret(n int) string {
	secret := make([]byte, n)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// hostKey reads the SSH host key, and makes it first if there is none.
func hostKey(path string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newHostKey(path)
	}
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("host key %s: %w", path, err)
	}
	return signer.PublicKey(), nil
}

func newHostKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	return text, os.WriteFile(path, text, 0o600)
}
