package repo

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Signer signs commits and tags with an SSH key, as git does with gpg.format=ssh. Its zero value and nil do not sign. No verb of fmt prints
// the key.
type Signer struct{ key ssh.Signer }

// signatureNamespace prevents the use of a signature for git elsewhere (PROTOCOL.sshsig; gpg-interface.c of git).
const signatureNamespace = "git"

// ParseSigner reads a private key in OpenSSH's format or PEM, without a passphrase.
func ParseSigner(private []byte) (*Signer, error) {
	key, err := parseKey(private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &Signer{key}, nil
}

// parseKey reads a private key. No error holds any part of it.
func parseKey(private []byte) (ssh.Signer, error) {
	key, err := ssh.ParsePrivateKey(private)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("%w: it has a passphrase: create a key without one, ssh-keygen -t ed25519 -N ''", ErrKey)
	case err != nil:
		return nil, fmt.Errorf("%w: expected a private key of ssh-keygen, with its last line feed", ErrKey)
	case key.PublicKey().Type() == "ssh-dss":
		return nil, fmt.Errorf("%w: DSA is no longer accepted: create another key, ssh-keygen -t ed25519", ErrKey)
	}
	return key, nil
}

// String names the public key's fingerprint.
func (s *Signer) String() string {
	if s == nil || s.key == nil {
		return "no signing key"
	}
	return ssh.FingerprintSHA256(s.key.PublicKey())
}

// GoString is String.
func (s *Signer) GoString() string { return s.String() }

// sign returns the armoured signature of a commit or tag; "" without a key.
func (s *Signer) sign(e encoded) (string, error) {
	if s == nil || s.key == nil {
		return "", nil
	}
	var raw plumbing.MemoryObject
	if err := e.EncodeWithoutSignature(&raw); err != nil {
		return "", err
	}
	in, err := raw.Reader()
	if err != nil {
		return "", err
	}
	signature, err := sshsig.Sign(in, s.key, sshsig.HashSHA512, signatureNamespace)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", s, err)
	}
	return string(sshsig.Armor(signature)), nil
}
