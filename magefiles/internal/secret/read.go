package secret

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Variables of 1Password's own tools.
const (
	TokenVariable       = "OP_SERVICE_ACCOUNT_TOKEN"
	accountVariable     = "OP_ACCOUNT"
	serverVariable      = "OP_CONNECT_HOST"
	serverTokenVariable = "OP_CONNECT_TOKEN"
)

// readLocal reads a value from the environment or a file. If 1Password must be asked, op is the reference to ask for.
func (r *Resolver) readLocal(ref Reference) (got outcome, op string) {
	target := ref
	if value := r.variable(ref.variable); value != "" {
		source := "environment, " + ref.variable
		if !looksLikeReference(value) {
			return r.read(ref, source, value, nil), ""
		}
		var err error
		if target, err = ParseReference(value); err != nil {
			return r.read(ref, source, "", problemf(Unreadable, "", "%s: %w", ref.variable, err)), ""
		}
	}
	switch {
	case target.scheme == schemeEnv:
		return r.readVariable(ref, target.path), ""
	case r.options.CI || target.IsZero():
		return r.refuse(ref, target), ""
	case target.scheme == schemeFile:
		value, err := readFile(r.options.Root, target.path)
		return r.read(ref, "file, "+target.path, value, err), ""
	}
	return outcome{}, target.String()
}

// looksLikeReference reports whether a setting's variable holds a reference rather than a value.
func looksLikeReference(value string) bool {
	for _, scheme := range []string{schemeOp, schemeEnv, schemeFile} {
		if strings.HasPrefix(value, scheme+"://") {
			return true
		}
	}
	return false
}

func (r *Resolver) variable(name string) string {
	if name == "" {
		return ""
	}
	return r.options.Env(name)
}

func (r *Resolver) readVariable(ref Reference, name string) outcome {
	value := r.options.Env(name)
	if value == "" {
		return r.read(ref, "environment, "+name, "", problemf(Missing, "set "+name, "environment variable %s is not set, or is empty", name))
	}
	return r.read(ref, "environment, "+name, value, nil)
}

// refuse is the result for a source that may not be read in CI, and for a missing reference.
func (r *Resolver) refuse(ref, target Reference) outcome {
	why := "no reference is set"
	if r.options.CI {
		why = "in CI, secrets are read only from environment variables"
	}
	if ref.variable == "" {
		return r.read(ref, "environment", "", problemf(Missing, "use an env://NAME reference", "%s", why))
	}
	if !target.IsZero() && target.String() != ref.String() {
		return r.read(ref, "environment, "+ref.variable, "", problemf(Missing, "set "+ref.variable+" to the value itself", "%s contains the reference %s, but %s", ref.variable, target, why))
	}
	return r.read(ref, "environment, "+ref.variable, "", problemf(Missing, "set "+ref.variable, "%s, and %s is not set or is empty", why, ref.variable))
}

// readRemote asks 1Password once for all of remote. It only returns the error of ctx.
func (r *Resolver) readRemote(ctx context.Context, remote map[Reference]string) error {
	source, answers, err := r.ask(ctx, slices.Compact(slices.Sorted(maps.Values(remote))))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for ref, op := range remote {
		answer, found := answers[op]
		switch {
		case err != nil:
			answer = Answer{Err: err}
		case !found:
			answer.Err = problemf(Unreadable, "", "no answer from 1Password")
		case answer.Err == nil && answer.Value == "":
			answer.Err = problemf(Empty, "", "the field is empty in 1Password")
		}
		r.done[ref] = r.read(ref, source, answer.Value, answer.Err)
	}
	return nil
}

func (r *Resolver) ask(ctx context.Context, ops []string) (source string, _ map[string]Answer, _ error) {
	login := Login{Server: strings.TrimSpace(r.options.Env(serverVariable)), Account: cmp.Or(r.options.Env(accountVariable), r.options.Account)}
	variable := TokenVariable
	if login.Server != "" || r.options.Env(serverTokenVariable) != "" {
		variable = serverTokenVariable
	}
	if token := strings.TrimSpace(r.options.Env(variable)); token != "" {
		r.options.Learn(token)
		login.Token = New("env://"+variable, token)
	}
	if variable == serverTokenVariable && (login.Server == "" || login.Token.IsZero()) {
		return login.String(), nil, problemf(Unreachable, "set both, or neither", "a 1Password Connect server requires %s and %s, and only one of them is set",
			serverVariable, serverTokenVariable)
	}
	return r.session.resolveAll(ctx, login, ops)
}

// SecretVariables are the variables of 1Password's own tools that hold secrets.
func SecretVariables() []string { return []string{TokenVariable, serverTokenVariable} }

// usable is the reason why a value cannot be used, from wherever it was read.
func usable(value string) error {
	switch {
	case len(value) > maxSize:
		return problemf(Unreadable, "", "it is larger than %d KiB, the maximum of a build secret", maxSize/1024)
	case !utf8.ValidString(value):
		return problemf(Unreadable, "keep it base64-encoded and decode it where it is used", "it is not text (UTF-8)")
	}
	return nil
}

// read makes an outcome, and passes the value to Learn.
func (r *Resolver) read(ref Reference, source, value string, err error) outcome {
	if err == nil {
		r.options.Learn(value)
		err = usable(value)
	}
	if err == nil {
		return outcome{secret: New(ref.label(), value), source: source}
	}
	failed := &Error{Reference: ref, State: Unreadable, Err: err}
	var known *problem
	if errors.As(err, &known) {
		failed.State, failed.hint = known.state, known.hint
	}
	return outcome{source: source, err: failed}
}
