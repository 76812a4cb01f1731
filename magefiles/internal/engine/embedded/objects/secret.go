package objects

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// Secret is a value that is identified by its name or by its source. The value is read when it is needed.
type Secret struct {
	env      *Env
	name     string
	uri      string
	cacheKey string
	read     func(ctx context.Context) ([]byte, error)
}

// Secrets are the secrets of a session, by their ids in LLB. Values are kept in memory only.
type Secrets struct {
	// Key turns a value into an id that does not reveal it: ids of secrets from a file are derived from their content.
	Key []byte

	mu   sync.Mutex
	byID map[string]*Secret
}

// Get reads the value of the secret with the id of LLB; BuildKit requests it through the session.
func (s *Secrets) Get(ctx context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	secret := s.byID[id]
	s.mu.Unlock()
	if secret == nil {
		return nil, fmt.Errorf("secret %s: not found", id)
	}
	return secret.Plaintext(ctx)
}

func (s *Secrets) add(id string, secret *Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[string]*Secret{}
	}
	s.byID[id] = secret
}

func (s *Secrets) keyed(value []byte) string {
	h := hmac.New(sha256.New, s.Key)
	h.Write(value)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var secretFields = map[string]gql.Resolver{
	"name": field(func(s *Secret, _ context.Context, _ gql.Args) (any, error) { return s.name, nil }),
	"uri":  field(func(s *Secret, _ context.Context, _ gql.Args) (any, error) { return s.uri, nil }),
	"plaintext": field(func(s *Secret, ctx context.Context, _ gql.Args) (any, error) {
		b, err := s.Plaintext(ctx)
		return string(b), err
	}),
}

func setSecret(q *Query, _ context.Context, a gql.Args) (any, error) {
	value := []byte(a.String("plaintext"))
	return &Secret{env: q.Env, name: a.String("name"), read: func(context.Context) ([]byte, error) { return value, nil }}, nil
}

func newSecret(q *Query, _ context.Context, a gql.Args) (any, error) {
	uri := a.String("uri")
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return nil, fmt.Errorf("parse %q: malformed id", uri)
	}
	s := &Secret{env: q.Env, uri: uri, cacheKey: a.String("cacheKey")}
	switch scheme {
	case "env":
		s.read = func(context.Context) ([]byte, error) { return q.Env.readEnvSecret(rest) }
	case "file":
		s.read = func(context.Context) ([]byte, error) { return q.Env.readFileSecret(rest) }
	case "cmd":
		s.read = func(ctx context.Context) ([]byte, error) { return q.Env.readCommandSecret(ctx, rest) }
	default:
		return nil, fmt.Errorf("unsupported secret provider: %q", scheme)
	}
	return gql.Fresh{Value: s}, nil // its content may have changed
}

// Plaintext reads the value.
func (s *Secret) Plaintext(ctx context.Context) ([]byte, error) {
	b, err := s.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("rpc error: code = Unknown desc = %w", err)
	}
	return b, nil
}

// id is the secret's id in LLB. It is part of the cache key of an exec: a secret set by name has its name, one from elsewhere a hash of its
// content, unless the caller gave a key.
func (s *Secret) id() string {
	id := "name:" + s.name
	switch {
	case s.cacheKey != "":
		id = "key:" + s.cacheKey
	case s.uri != "":
		value, err := s.read(context.Background())
		if err != nil {
			value = []byte(s.uri)
		}
		id = "hash:" + s.env.Secrets.keyed(value)
	}
	s.env.Secrets.add(id, s)
	return id
}

func (e *Env) readEnvSecret(name string) ([]byte, error) {
	v, ok := e.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("secret env var not found: %q", name[:min(3, len(name))]+"...")
	}
	return []byte(v), nil
}

func (e *Env) readFileSecret(p string) ([]byte, error) {
	b, err := os.ReadFile(e.hostPath(p))
	if err != nil {
		return nil, fmt.Errorf("failed to read secret file %q: %w", p, err)
	}
	return b, nil
}

func (e *Env) readCommandSecret(ctx context.Context, command string) ([]byte, error) {
	if s, err := url.PathUnescape(command); err == nil {
		command = s
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = e.Workdir
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := procgroup.Run(ctx, cmd, time.Second); err != nil {
		return nil, fmt.Errorf("failed to run secret command %q: %w", command, err)
	}
	return out.Bytes(), nil
}

// secretVariable is a secret in an exec's environment.
type secretVariable struct {
	name   string
	secret *Secret
}

func (c *Container) setSecretVariable(a gql.Args) error {
	s, ok, err := gql.Object[*Secret](a, "secret")
	if err == nil && !ok {
		err = errors.New("a secret variable needs a secret")
	}
	c.secrets = append(withoutSecret(c.secrets, a.String("name")), secretVariable{a.String("name"), s})
	return err
}

func (c *Container) unsetSecretVariable(a gql.Args) error {
	c.secrets = withoutSecret(c.secrets, a.String("name"))
	return nil
}

func withoutSecret(in []secretVariable, name string) []secretVariable {
	var out []secretVariable
	for _, v := range in {
		if v.name != name {
			out = append(out, v)
		}
	}
	return out
}
