package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// redis is the cache of Argo CD: Debian's redis-server, which keeps no data after its end.
type redis struct {
	addr     string
	password string
	process  *process
}

// findRedis returns the path of redis-server.
func findRedis() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("redis-server not found, which Argo CD requires for its cache: apt-get install redis-server (%w)", err)
	}
	return path, nil
}

// startRedis starts Redis in its own folder, and waits until it answers.
func startRedis(ctx context.Context, path, dir string) (r *redis, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r = &redis{}
	if r.password, err = loadOrCreateSecret(filepath.Join(dir, "password")); err != nil {
		return nil, err
	}
	err = onFreePorts(func() error {
		if r.addr, err = addrOr(""); err != nil {
			return err
		}
		return r.start(ctx, path, dir)
	})
	if err != nil {
		return nil, errors.Join(err, r.process.stop())
	}
	return r, nil
}

func (r *redis) start(ctx context.Context, path, dir string) error {
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		return err
	}
	// In a file, because a password must not be among a process's arguments.
	config := filepath.Join(dir, "redis.conf")
	settings := strings.Join([]string{
		"bind " + host, "port " + port, "requirepass " + r.password, `save ""`, "appendonly no", "daemonize no", "databases 1",
	}, "\n")
	if err := os.WriteFile(config, []byte(settings+"\n"), 0o600); err != nil {
		return err
	}
	r.process, err = startProcess(program{Name: "redis", Path: path, Args: []string{config}, Dir: dir, Log: filepath.Join(dir, "redis.log")})
	if err != nil {
		return err
	}
	return r.process.ready(ctx, r.ping)
}

// ping checks that Redis accepts the password.
func (r *redis) ping(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\n", r.password); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "+OK") {
		return errors.New("redis: " + strings.TrimSpace(answer))
	}
	return nil
}
