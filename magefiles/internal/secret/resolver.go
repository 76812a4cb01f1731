package secret

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Options say which sources a Resolver may read.
type Options struct {
	// CI allows only the environment: env:// references and the variables of WithVariable.
	CI bool
	// Root is the folder for relative file:// references: the repository's root.
	Root string
	// Env looks up an environment variable; "" means that it is not set.
	Env func(name string) string
	// Learn is called with each value as soon as it is read, so that it can be redacted from all output. May be nil.
	Learn func(value string)
	// Account is the 1Password account for the desktop app. $OP_ACCOUNT overrides it.
	Account string
	// Connect makes the connection to 1Password; nil means the real one, for which the fields below are.
	Connect func(context.Context, Login) (Vault, error)
	// Op is the path of the op command, which is used where the SDK has no account; "" if there is none.
	Op string
	// Environ is the environment of the op command. nil: it is empty.
	Environ func() []string
	// HTTP makes the requests to a Connect server; nil is a client with the environment's proxy.
	HTTP func() *http.Client
	// Retry bounds the attempts at these requests.
	Retry httpx.Retry
}

// Resolver reads secrets. It asks for each one at most once, whether that succeeds or not: 1Password counts requests, also those for
// missing items, and a token that was refused once stays refused. It may be used by several goroutines.
type Resolver struct {
	options Options

	mu      sync.Mutex
	done    map[Reference]outcome
	session session
}

type outcome struct {
	secret Secret
	source string // where the value came from, or would have
	err    *Error // nil if secret is set
}

// NewResolver makes a Resolver. It reads nothing yet.
func NewResolver(options Options) *Resolver {
	if options.Env == nil {
		options.Env = func(string) string { return "" }
	}
	if options.Learn == nil {
		options.Learn = func(string) {}
	}
	if options.Connect == nil {
		options.Connect = options.dial
	}
	return &Resolver{options: options, done: map[Reference]outcome{}, session: session{connect: options.Connect}}
}

// Resolve reads all refs, those of 1Password in one call. The secrets are in the order of refs. The error joins one *Error for each
// reference that could not be read; its secret is zero.
func (r *Resolver) Resolve(ctx context.Context, refs ...Reference) ([]Secret, error) {
	outcomes, err := r.resolve(ctx, refs)
	if err != nil {
		return nil, err
	}
	secrets := make([]Secret, len(refs))
	var failed []error
	for i, got := range outcomes {
		secrets[i] = got.secret
		if got.err != nil && !slices.Contains(failed, error(got.err)) {
			failed = append(failed, got.err)
		}
	}
	return secrets, joined(failed)
}

// joined returns a single error unchanged, so that its hint is found and its text is one line.
func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// Status is the result for one reference. It never holds a value.
type Status struct {
	Name   string `json:"name"`             // the reference as it is written, or $VARIABLE
	Source string `json:"source"`           // where the value was found or looked for
	State  State  `json:"state"`            // ok, missing, empty, …
	Reason string `json:"reason,omitempty"` // why it is not ok
	Hint   string `json:"hint,omitempty"`   // what to do about it
}

// Check reads all refs and returns the result for each. The error is that of ctx; a secret that cannot be read is no error here.
func (r *Resolver) Check(ctx context.Context, refs ...Reference) ([]Status, error) {
	outcomes, err := r.resolve(ctx, refs)
	if err != nil {
		return nil, err
	}
	statuses := make([]Status, len(refs))
	for i, got := range outcomes {
		statuses[i] = Status{Name: refs[i].label(), Source: got.source, State: OK}
		if got.err != nil {
			statuses[i].State, statuses[i].Reason, statuses[i].Hint = got.err.State, got.err.Err.Error(), got.err.Hint()
		}
	}
	return statuses, nil
}

func (r *Resolver) resolve(ctx context.Context, refs []Reference) ([]outcome, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	remote := map[Reference]string{} // reference -> the op:// reference to ask for
	for _, ref := range refs {
		if _, known := r.done[ref]; known {
			continue
		}
		if got, op := r.readLocal(ref); op == "" {
			r.done[ref] = got
		} else {
			remote[ref] = op
		}
	}
	if len(remote) > 0 {
		if err := r.readRemote(ctx, remote); err != nil {
			return nil, err
		}
	}
	outcomes := make([]outcome, len(refs))
	for i, ref := range refs {
		outcomes[i] = r.done[ref]
	}
	return outcomes, nil
}
