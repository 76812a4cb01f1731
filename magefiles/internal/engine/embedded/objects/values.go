package objects

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// EnvVariable is a variable of a container's environment.
type EnvVariable struct{ name, value string }

var envVariableFields = map[string]gql.Resolver{
	"name":  field(func(v EnvVariable, _ context.Context, _ gql.Args) (any, error) { return v.name, nil }),
	"value": field(func(v EnvVariable, _ context.Context, _ gql.Args) (any, error) { return v.value, nil }),
}

// Label is a label of a container's image.
type Label struct{ name, value string }

var labelFields = map[string]gql.Resolver{
	"name":  field(func(l Label, _ context.Context, _ gql.Args) (any, error) { return l.name, nil }),
	"value": field(func(l Label, _ context.Context, _ gql.Args) (any, error) { return l.value, nil }),
}

// Port is a port that a container's image exposes.
type Port struct {
	port            int
	protocol        string // TCP or UDP
	description     *string
	skipHealthcheck bool
}

var portFields = map[string]gql.Resolver{
	"port":                        field(func(p Port, _ context.Context, _ gql.Args) (any, error) { return p.port, nil }),
	"protocol":                    field(func(p Port, _ context.Context, _ gql.Args) (any, error) { return p.protocol, nil }),
	"description":                 field(func(p Port, _ context.Context, _ gql.Args) (any, error) { return p.description, nil }),
	"experimentalSkipHealthcheck": field(func(p Port, _ context.Context, _ gql.Args) (any, error) { return p.skipHealthcheck, nil }),
}

// pair is a name with a value, in a list that keeps its order.
type pair struct{ name, value string }

// pairs are such a list: setting a name again keeps its position.
type pairs []pair

func (ps pairs) get(name string) (string, bool) {
	for _, p := range ps {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

func (ps pairs) set(name, value string) pairs {
	out := append(pairs(nil), ps...)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
			return out
		}
	}
	return append(out, pair{name, value})
}

func (ps pairs) unset(name string) pairs {
	var out pairs
	for _, p := range ps {
		if p.name != name {
			out = append(out, p)
		}
	}
	return out
}

func (ps pairs) toMap() map[string]string {
	if len(ps) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, p := range ps {
		m[p.name] = p.value
	}
	return m
}

// env returns the pairs as NAME=value.
func (ps pairs) env() []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.name+"="+p.value)
	}
	return out
}
