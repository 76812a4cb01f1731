package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Recorded output of v0.21.8 of the CLI into a pipe: of the version v0.18.0, with an engine v0.9.0, and if Docker is not running.
const (
	oldCLI = "2026/11/29 23:50:31 WARN failed to parse git remote URL err=\"invalid endpoint: /some/where\"\n" +
		"\x1b[95m1   : \x1b[0m\x1b[90;2m\x1b[0mconnect\n" +
		"\x1b[95m1   : \x1b[0m\x1b[90;2m\x1b[0m\x1b[90m[0.0s] \x1b[0m\x1b[90m|\x1b[0m cloud \x1b[2murl=\x1b[0mhttps://dagger.cloud/traces/setup\n" +
		"\x1b[95m3   : \x1b[0m\x1b[90;2m┆ \x1b[0mconnecting to engine\n" +
		"\x1b[95m3   : \x1b[0m\x1b[90;2m┆ \x1b[0m\x1b[90m[0.0s] \x1b[0m\x1b[90m|\x1b[0m \x1b[2m23:50:31\x1b[0m \x1b[92mINF\x1b[0m connected \x1b[2mname=\x1b[0m\"\" \x1b[2mclient-version=\x1b[0mv0.18.0 \x1b[2mserver-version=\x1b[0mv0.21.8\n" +
		"\x1b[95m3   : \x1b[0m\x1b[90;2m┆ \x1b[0mconnecting to engine\x1b[32m DONE\x1b[0m\x1b[90m [0.0s]\x1b[0m\n" +
		"\x1b[95m4   : \x1b[0m\x1b[90;2m┆ \x1b[0mstarting session\x1b[31m ERROR\x1b[0m\x1b[90m [0.0s]\x1b[0m\n" +
		stepFailed + "\n\x1b[0m\n" +
		"\x1b[95m1   : \x1b[0m\x1b[90;2m\x1b[0mconnect\x1b[31m ERROR\x1b[0m\x1b[90m [0.0s]\x1b[0m\n" +
		"\n" +
		"Error: start session: connect session attachables: unexpected status 500: incompatible client version v0.18.0\n" +
		" [traceparent:a1a46ad3513e9bc626eb7af54d045383-3a48aebaaa6fb2ab]\n"
	stepFailed = "\x1b[95m4   : \x1b[0m\x1b[90;2m┆ \x1b[0m\x1b[33m! connect session attachables: unexpected status 500: incompatible client version v0.18.0"
	oldEngine  = "1   : connect ERROR [0.0s]\n1   : ! incompatible engine version v0.9.0\n\n" +
		"Error: incompatible engine version v0.9.0 [traceparent:29081f8244a64e60887f784200798900-ee8a1cacb0f1c0a0]\n"
	noDocker = "2   : ┆ [0.0s] |  OS/Arch:           linux/amd64\n" +
		"2   : ┆ [0.0s] | Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n" +
		"2   : ┆ exec docker version ERROR [0.0s]\n" +
		"2   : ┆ ! failed to run command [docker version]: exit status 1\n" +
		"1   : connect ERROR [0.0s]\n\n" +
		"Error: start engine: failed to run command [docker version]: exit status 1 [traceparent:3de8b0d2683974684994e5dc06d0e1cc-19622dd7e31290e3]\n"
	noDriver = "1   : connect ERROR [0.0s]\n1   : ! start engine: driver for scheme \"image\" was not available\n\n" +
		"Error: start engine: driver for scheme \"image\" was not available [traceparent:4a841b09945fe3cf86f8f466ad2e88c2-2108b6a06c6a6805]\n"
)

func TestWhyACLIFailed(t *testing.T) {
	t.Parallel()
	env := map[string]string{runnerVariable: "tcp://engine.example:8080"}
	opts := Options{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	at := "no session of Dagger at tcp://engine.example:8080 ($" + runnerVariable + "): "
	for name, c := range map[string]struct{ said, want, hint string }{
		"an old CLI":           {oldCLI, "start session: connect session attachables: unexpected status 500: incompatible client version v0.18.0", cliVariable},
		"an old CLI, cut":      {oldCLI[:strings.Index(oldCLI, "Error: ")], "connect session attachables: unexpected status 500: incompatible client version v0.18.0", cliVariable},
		"an old engine":        {oldEngine, "incompatible engine version v0.9.0", "update the Dagger engine to v0.21.8"},
		"Docker does not run":  {noDocker, "start engine: failed to run command [docker version]: exit status 1: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "start the Dagger engine there"},
		"no Docker":            {noDriver, `start engine: driver for scheme "image" was not available`, "install Docker"},
		"another program":      {"usage: x\n\x1b]0;title\x07\x1b[1mno luck\x1b[0m\r\n", "no luck", "start the Dagger engine there"},
		"a very old CLI":       {"Error: unknown command \"session\" for \"dagger\"\nRun 'dagger --help' for usage.\n", `unknown command "session" for "dagger"`, cliVariable},
		"nothing":              {"", "the Dagger CLI ended without an error message (exit status 3)", "start the Dagger engine there"},
		"nothing but warnings": {"2026/11/29 23:50:31 WARN failed to parse git remote URL err=x\n", "the Dagger CLI ended without an error message (exit status 3)", "start the Dagger engine there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := noSession(c.said, errors.New("exit status 3"), opts)
			var hinted interface{ Hint() string }
			if err.Error() != at+c.want || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), c.hint) {
				t.Errorf("got %q\nwant %q", err, at+c.want)
			}
		})
	}
}

// The text of a network error without the address, which the error itself repeats in many ways.
func TestCause(t *testing.T) {
	t.Parallel()
	if got := cause(context.DeadlineExceeded); got != "no answer within 4s" {
		t.Errorf("got %q", got)
	}
	if got := cause(errors.New("\x1b[31mone\x1b[0m\ntwo")); got != "one" {
		t.Errorf("got %q", got)
	}
	if got := firstLine(strings.Repeat("ü", lineLimit+9)); len([]rune(got)) > lineLimit+1 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("got %q", got)
	}
}
