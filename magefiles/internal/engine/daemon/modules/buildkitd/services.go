package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/executor"
)

// The variables with which package objects of the engine speaks to this daemon. The processes do not get them.
const (
	// serviceVariable makes a process a service of the session that is its value: it gets a network of its own. The first line of its stdout is from the daemon: its
	// address with the size of the subnet, such as 10.213.0.2/22.
	serviceVariable = "BLUMEOPS_SERVICE"
	// hostsVariable holds the services that a process uses, as lines of /etc/hosts. It is a secret of the step, so that the addresses are not part
	// of its cache key.
	hostsVariable = "BLUMEOPS_HOSTS"
)

// networkLabel is the worker label with the path of the Unix socket that makes TCP sockets in the network of the services, see sockets.go.
const networkLabel = "me.eblu.ops.blumeops.network"

// takeVariables removes the variables from a process, and adds the hosts to it. It returns the session of a service, "" for another process, and
// whether the process uses services.
func takeVariables(meta *executor.Meta) (session string, uses bool, err error) {
	var env []string
	hosts := slices.Clone(meta.ExtraHosts)
	for _, kv := range meta.Env {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case serviceVariable:
			session = value
		case hostsVariable:
			named, err := parseHosts(value)
			if err != nil {
				return "", false, err
			}
			uses = true
			hosts = append(hosts, named...)
		default:
			env = append(env, kv)
		}
	}
	meta.Env, meta.ExtraHosts = env, hosts
	return session, uses, nil
}

// parseHosts reads lines with an address and a name.
func parseHosts(text string) (hosts []executor.HostIP, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		ip := net.ParseIP(fields[0])
		if len(fields) != 2 || ip == nil {
			return nil, fmt.Errorf("invalid host %q in %s: expected an address and a name", strings.TrimSpace(line), hostsVariable)
		}
		hosts = append(hosts, executor.HostIP{Host: fields[1], IP: ip})
	}
	return hosts, nil
}

// announced is the stdout of a service: a line comes before the first output.
type announced struct {
	io.WriteCloser
	line string
	once sync.Once
	err  error
}

// Write implements [io.Writer].
func (a *announced) Write(p []byte) (int, error) {
	a.once.Do(func() { _, a.err = io.WriteString(a.WriteCloser, a.line) })
	if a.err != nil || len(p) == 0 {
		return 0, a.err
	}
	return a.WriteCloser.Write(p)
}
