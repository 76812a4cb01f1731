package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// Vault is the part of 1Password that this package uses: the SDK, a Connect server, or the op command. String names it.
type Vault interface {
	fmt.Stringer
	// ResolveAll reads all references, each of the form op://…, in one call. The answer has an entry for each. The error
	// concerns the call as a whole: no connection, a refused token, a limit that is reached.
	ResolveAll(ctx context.Context, references []string) (map[string]Answer, error)
}

// Answer is a value, or why there is none.
type Answer struct {
	Value string
	Err   error
}

// Login is the identity for 1Password: a Connect server, a service account, or the person at the desktop app or the op command.
type Login struct {
	Server  string // address of the Connect server; it is preferred, as by the op command
	Token   Secret // of the Connect server or of a service account; it is preferred to the account
	Account string // name or ID of the account, as shown in the desktop app
}

func (l Login) String() string {
	switch {
	case l.Server != "":
		return "1Password Connect, " + httpx.Clean(l.Server)
	case !l.Token.IsZero():
		return "1Password, service account"
	}
	return "1Password, desktop app"
}

// dial chooses the program or the library that speaks to 1Password. Where the SDK cannot, the op command does.
func (o Options) dial(ctx context.Context, login Login) (Vault, error) {
	if login.Server != "" {
		return newServer(login, o)
	}
	op := &command{program: o.Op, login: login, environ: o.environ()}
	if login.Token.IsZero() && login.Account == "" {
		if o.Op != "" {
			return op, nil
		}
		return nil, problemf(Unreachable,
			"set "+TokenVariable+" to a service account's token, "+accountVariable+" to the account's name in the desktop app, or "+serverVariable+
				" and "+serverTokenVariable+"; or install the op command",
			"no 1Password account is configured")
	}
	vault, err := connect(ctx, login)
	if err != nil && o.Op != "" && isMissing(err) {
		return op, nil
	}
	return vault, err
}

// opNeeds are the variables of the op command.
var opNeeds = slices.Concat(procgroup.Basic, []string{"OP_*", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS"})

func (o Options) environ() []string {
	environ := []string{} // nil would be the environment of this process
	if o.Environ != nil {
		environ = append(environ, procgroup.Environment(o.Environ(), opNeeds)...)
	}
	return environ
}

// errNoSDK is the reason of a program without the SDK.
var errNoSDK = errors.New("this program was built without cgo, and 1Password's SDK requires it")

// isMissing reports whether the SDK, or the desktop app that it requires, is not on this machine. The SDK has no types for its errors.
func isMissing(err error) bool {
	text := err.Error()
	return errors.Is(err, errNoSDK) || strings.Contains(text, "desktop application not found") || strings.Contains(text, "failed to open library") ||
		strings.Contains(text, "failed to load ")
}

// Reasons that 1Password gives for one reference, by the name that its API uses (ResolveReferenceErrorTypes).
var reasons = map[string]*problem{
	"vaultNotFound":         problemf(Missing, "check the vault's name, and that the service account may read it", "vault not found in 1Password, or this account may not read it"),
	"itemNotFound":          problemf(Missing, "", "item not found in the vault"),
	"noMatchingSections":    problemf(Missing, "", "section not found in the item"),
	"fieldNotFound":         problemf(Missing, "", "field not found in the item"),
	"tooManyVaults":         problemf(Unreadable, "use the vault's ID", "more than one vault has this name"),
	"tooManyItems":          problemf(Unreadable, "use the item's ID", "more than one item has this name"),
	"tooManyMatchingFields": problemf(Unreadable, "add the section, or use the field's ID", "more than one field has this name"),
	"unsupportedFileFormat": problemf(Unreadable, "keep it base64-encoded and decode it where it is used", "the file in 1Password is not text"),
}

// refusal makes a problem from the name of a reason, known or unknown.
func refusal(reason string) error {
	if known := reasons[reason]; known != nil {
		return known
	}
	return problemf(Unreadable, "", "1Password could not resolve it (%s)", reason)
}

// session is the connection to 1Password, made once, when it is first needed. A refusal is final: another request would only
// count towards the account's limit.
type session struct {
	connect func(context.Context, Login) (Vault, error)
	vault   Vault
	refused error
}

func (s *session) resolveAll(ctx context.Context, login Login, references []string) (source string, _ map[string]Answer, _ error) {
	if s.vault == nil && s.refused == nil {
		vault, err := await(ctx, func() (Vault, error) { return s.connect(ctx, login) })
		if ctx.Err() != nil {
			return "", nil, context.Cause(ctx) // cancelled, not refused
		}
		s.vault, s.refused = vault, err
	}
	if s.refused != nil {
		return login.String(), nil, asProblem(s.refused, login)
	}
	answers, err := await(ctx, func() (map[string]Answer, error) { return s.vault.ResolveAll(ctx, references) })
	return s.vault.String(), answers, asProblem(err, login)
}

// await returns when ctx ends, though the SDK may go on for seconds (it compiles a large module at start) or for as long as the
// desktop app waits for a fingerprint.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func asProblem(err error, login Login) error {
	var known *problem
	if err == nil || errors.As(err, &known) {
		return err
	}
	hint := "check that the app is unlocked, and that Settings > Developer > Integrate with other apps is on"
	if !login.Token.IsZero() {
		hint = "check OP_SERVICE_ACCOUNT_TOKEN: expected the whole text that 1Password showed, which begins with ops_"
	}
	return &problem{state: Unreachable, hint: hint, err: fmt.Errorf("%s: %w", login, err)}
}
