package engine_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// serveSocket answers each connection to a new Unix socket, and returns its path.
func serveSocket(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return path
}

// callSocket sends its second argument to the socket at its first one, or at $SSH_AUTH_SOCK, and prints the answer.
const callSocket = `package main

import ("fmt"; "io"; "net"; "os")

func main() {
	path := os.Args[1]
	if path == "agent" { path = os.Getenv("SSH_AUTH_SOCK") }
	if info, err := os.Stat(path); err == nil { fmt.Print(info.Mode(), " ") }
	conn, err := net.Dial("unix", path)
	if err != nil { fmt.Println(err); os.Exit(1) }
	fmt.Fprint(conn, os.Args[2])
	conn.(*net.UnixConn).CloseWrite()
	io.Copy(os.Stdout, conn)
	_, set := os.LookupEnv("SSH_AUTH_SOCK")
	fmt.Print(" ", set)
	if len(os.Args) > 3 { os.WriteFile(os.Args[3], []byte("done"), 0o644) }
}
`

func echo(prefix string) func(net.Conn) {
	return func(conn net.Conn) {
		b, _ := io.ReadAll(conn)
		fmt.Fprint(conn, prefix, strings.ToUpper(string(b)))
	}
}

func TestACommandConnectsToASocketOfTheHost(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	ct := box(t, c, callSocket).WithEnvVariable("NONCE", time.Now().String())
	one, two := c.Host().UnixSocket(serveSocket(t, echo("one "))), c.Host().UnixSocket(serveSocket(t, echo("two ")))
	ct = ct.WithUnixSocket("/run/one.sock", one).WithUnixSocket("/two.sock", two, dagger.ContainerWithUnixSocketOpts{Owner: "1234:5678"})
	for _, step := range []struct {
		ct         *dagger.Container
		path, want string
	}{
		{ct, "/run/one.sock", "Srw------- one HELLO false"},
		{ct.WithUser("1234"), "/two.sock", "Srw------- two HELLO false"},
		{ct.WithUnixSocket("/run/one.sock", two), "/run/one.sock", "Srw------- two HELLO false"},
		{ct.WithWorkdir("/run").WithUnixSocket("$X.sock", one, dagger.ContainerWithUnixSocketOpts{Expand: true}).WithoutUnixSocket("one.sock").WithUnixSocket("x", two), "/run/x", "Srw------- two HELLO false"},
	} {
		got, err := step.ct.WithExec([]string{"/program", step.path, "hello"}).Stdout(ctx)
		if err != nil || got != step.want {
			t.Errorf("%s: got %q, %v, want %q", step.path, got, err, step.want)
		}
	}
	_, err := ct.WithoutUnixSocket("/run/one.sock").WithExec([]string{"/program", "/run/one.sock", "hello"}).Stdout(ctx)
	var failed *dagger.ExecError
	if !errors.As(err, &failed) || !strings.Contains(failed.Stdout, "no such file") {
		t.Errorf("after its removal: %v", err)
	}
	if _, err := ct.WithUser("7").WithExec([]string{"/program", "/run/one.sock", "hello"}).Stdout(ctx); !errors.As(err, &failed) || !strings.Contains(failed.Stdout, "permission denied") {
		t.Errorf("as another user: %v", err)
	}
	if entries, err := ct.WithExec([]string{"/program", "/run/one.sock", "x"}).Rootfs().Entries(ctx); err != nil || strings.Contains(fmt.Sprint(entries), "NONCE") {
		t.Errorf("%q, %v", entries, err)
	}
}

func TestADockerfileUsesTheSSHAgent(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	build := func(mount string) *dagger.Directory {
		return c.Host().Directory(program(t, callSocket)).WithNewFile("Dockerfile", fmt.Sprintf(
			"FROM scratch\nCOPY program /program\nENV NONCE=%d\nRUN --mount=type=ssh%s [\"/program\", \"agent\", \"hello\", \"/out\"]\n", time.Now().UnixNano(), mount))
	}
	socket := c.Host().UnixSocket(serveSocket(t, echo("agent ")))
	for _, mount := range []string{"", ",id=default", ",required=true"} {
		ct := build(mount).DockerBuild(dagger.DirectoryDockerBuildOpts{SSH: socket})
		out, err := ct.Stdout(ctx)
		if err != nil || !strings.Contains(out, "agent HELLO") {
			t.Errorf("%s: got %q, %v", mount, out, err)
		}
		if text, err := ct.File("/out").Contents(ctx); err != nil || text != "done" {
			t.Errorf("%s: got %q, %v", mount, text, err)
		}
	}
	if _, err := build(",required=true").DockerBuild().Sync(ctx); err == nil || !strings.Contains(err.Error(), `no SSH key "default" forwarded from the client`) {
		t.Errorf("without a socket: %v", err)
	}
	if _, err := build("").DockerBuild().Sync(ctx); err == nil || strings.Contains(err.Error(), "forwarded") {
		t.Errorf("without a socket that is required: %v", err)
	}
}

// sshServer serves the repositories in root over SSH, to clients with the key of the agent. It returns its address, its line of a known_hosts file
// and the path of the agent's socket.
func sshServer(t *testing.T, root string) (address, known, agentPath string) {
	t.Helper()
	newKey := func() (ed25519.PrivateKey, ssh.Signer) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		signer, err := ssh.NewSignerFromKey(key)
		must(t, err)
		return key, signer
	}
	_, hostKey := newKey()
	userKey, user := newKey()
	keyring := agent.NewKeyring()
	must(t, keyring.Add(agent.AddedKey{PrivateKey: userKey}))
	agentPath = serveSocket(t, func(conn net.Conn) { _ = agent.ServeAgent(keyring, conn) })
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(user.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config, root)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), fmt.Sprintf("[127.0.0.1]:%s %s", port, ssh.MarshalAuthorizedKey(hostKey.PublicKey())), agentPath
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig, root string) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		for req := range requests {
			_ = req.Reply(req.Type == "exec" || req.Type == "env", nil)
			if req.Type != "exec" {
				continue
			}
			var command struct{ Line string }
			_ = ssh.Unmarshal(req.Payload, &command)
			name, _ := strings.CutPrefix(command.Line, "git-upload-pack '")
			cmd := exec.Command("git", "-c", "safe.directory=*", "upload-pack", filepath.Join(root, strings.TrimSuffix(name, "'")))
			cmd.Env = append(os.Environ(), "GIT_PROTOCOL=version=2")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
			var status struct{ Code uint32 }
			if err := cmd.Run(); err != nil {
				status.Code = 1
			}
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
			_ = channel.Close()
		}
	}
}

// pushed is a folder of repositories with one, repo, and a clone of it whose newest commit is pushed.
func pushed(t *testing.T) (root, work, newest string) {
	t.Helper()
	root = t.TempDir()
	work = newRepository(t, root, "repo")
	newest = commit(t, work, time.Now().String())
	run(t, work, "push", "-q", "origin", "main")
	return root, work, newest
}

// ADD fetches a repository over SSH with the socket of the build, as docker build does.
func TestADockerfileAddsARepositoryOverSSH(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	root, work, newest := pushed(t)
	address, _, agentPath := sshServer(t, root)
	socket := dagger.DirectoryDockerBuildOpts{SSH: c.Host().UnixSocket(agentPath)}
	build := func(more string) *dagger.Directory {
		dockerfile := fmt.Sprintf("FROM scratch\nADD ssh://git@%s/repo.git#main /src\n%s", address, more)
		return c.Host().Directory(program(t, callSocket)).WithNewFile("Dockerfile", dockerfile)
	}
	sameFiles(t, exported(t, build("").DockerBuild(socket).Directory("/src")), archived(t, work, newest))
	if _, err := build("").DockerBuild().Sync(ctx); err == nil || !strings.Contains(err.Error(), `no SSH key "default" forwarded from the client`) {
		t.Errorf("without a socket: %v", err)
	}
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	run := fmt.Sprintf("COPY program /program\nENV NONCE=%d\nRUN [\"/program\", \"/none\", \"x\"]\n", time.Now().UnixNano())
	if _, err := build(run).DockerBuild(socket).Sync(ctx); err == nil || !strings.Contains(err.Error(), "exit code: 1") {
		t.Errorf("with a command that fails: %v", err)
	}
}

func TestARepositoryOverSSH(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	root, work, newest := pushed(t)
	address, known, agentPath := sshServer(t, root)
	url := "ssh://" + address + "/repo.git"
	socket := c.Host().UnixSocket(agentPath)
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			repo := c.Git(url, dagger.GitOpts{SSHAuthSocket: socket, SSHKnownHosts: known})
			sameFiles(t, exported(t, repo.Branch("main").Tree(opts)), archived(t, work, newest))
		})
	}
	if got, err := c.Git(url, dagger.GitOpts{SSHAuthSocket: socket}).Head().Commit(ctx); err != nil || got != newest {
		t.Errorf("without known hosts: %s, %v", got, err)
	}
	_, other, _ := sshServer(t, root)
	wrong := strings.SplitN(known, " ", 2)[0] + " " + strings.SplitN(other, " ", 2)[1]
	if _, err := c.Git(url, dagger.GitOpts{SSHAuthSocket: socket, SSHKnownHosts: wrong}).Head().Commit(ctx); err == nil || !strings.Contains(err.Error(), "git error: ") {
		t.Errorf("with the key of another server: %v", err)
	}
	empty := serveSocket(t, func(conn net.Conn) { _ = agent.ServeAgent(agent.NewKeyring(), conn) })
	if _, err := c.Git(url, dagger.GitOpts{SSHAuthSocket: c.Host().UnixSocket(empty)}).Head().Commit(ctx); err == nil || err.Error() != "git error: git authentication failed" {
		t.Errorf("without a key: %v", err)
	}
}
