//go:build linux

package main

import (
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// defaultPath is the PATH of a command whose container has none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// proxyNames are given to a command in both spellings when it has one of them, because some programs only know one.
var proxyNames = []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}

// environment is an ordered list of NAME=value in which each name occurs once.
type environment []string

func (e environment) find(name string) (value string, ok bool) {
	for _, kv := range e {
		if v, found := strings.CutPrefix(kv, name+"="); found {
			return v, true
		}
	}
	return "", false
}

func (e *environment) set(name, value string) {
	kv := name + "=" + value
	for i, old := range *e {
		if strings.HasPrefix(old, name+"=") {
			(*e)[i] = kv
			return
		}
	}
	*e = append(*e, kv)
}

// childEnvironment composes the command's environment; lookup reads the exec's own and home is the user's.
func childEnvironment(in execmeta.Instruction, lookup func(string) (string, bool), home string) environment {
	var env environment
	for _, kv := range in.Env {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env.set(name, value)
		}
	}
	for _, name := range in.Inherit {
		if value, ok := lookup(name); ok {
			if _, known := env.find(name); !known {
				env.set(name, value)
			}
		}
	}
	for _, name := range proxyNames {
		env.pair(name, strings.ToLower(name))
		env.pair(strings.ToLower(name), name)
	}
	for _, name := range in.SecretEnv {
		if value, ok := lookup(name); ok {
			env.set(name, value)
		}
	}
	if _, ok := env.find("PATH"); !ok {
		env.set("PATH", defaultPath)
	}
	if value, _ := env.find("HOME"); value == "" {
		env.set("HOME", home)
	}
	return env
}

// pair sets to to the value of from, unless it has its own value.
func (e *environment) pair(from, to string) {
	if value, ok := e.find(from); ok {
		if _, known := e.find(to); !known {
			e.set(to, value)
		}
	}
}

// nameless returns the first entry of list that has no name before its '='.
func nameless(list []string) (entry string, found bool) {
	i := slices.IndexFunc(list, func(kv string) bool { return strings.HasPrefix(kv, "=") })
	if i < 0 {
		return "", false
	}
	return list[i], true
}
