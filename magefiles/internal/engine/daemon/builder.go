package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/containerd/platforms"
	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// daggerPackage is the package that an engine of Dagger reports.
const daggerPackage = "github.com/dagger/dagger"

// builderError is the reason why a builder cannot be used.
type builderError struct {
	text, hint string
	err        error
}

func (e *builderError) Error() string { return e.text }
func (e *builderError) Unwrap() error { return e.err }

// Hint says what to do.
func (e *builderError) Hint() string { return e.hint }

const (
	doStartBuilder  = "start BuildKit there, and check the address and the network"
	doCertificates  = "check the certificates in BUILDKIT_TLS_DIR: both sides must trust the authority of the other, and the builder's certificate must have the host of its address"
	doNoCertificate = "set BUILDKIT_TLS_DIR to the folder with ca.pem, cert.pem and key.pem, if the builder uses TLS"
)

// grpcNoise matches the parts of a message that only say how it got here.
var grpcNoise = regexp.MustCompile(`failed to list workers: |rpc error: code = [A-Za-z]+ desc = |connection error: desc = |transport: |[Ee]rror while dialing: (?:dialing: )?|\bUnavailable: |"`)

// closedEarly matches the messages about a server that closes the connection, as one with TLS does if it gets no certificate that it trusts.
var closedEarly = regexp.MustCompile(`server preface|frame too large|broken pipe|connection reset`)

// noBuilder explains why a builder does not answer. secure: with TLS.
func noBuilder(ctx context.Context, err error, secure bool) error {
	said := grpcNoise.ReplaceAllString(status.Convert(err).Message(), "")
	refused := strings.Contains(said, "tls: ") || strings.Contains(said, "x509: ")
	closed := closedEarly.MatchString(said)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded:
		return &builderError{fmt.Sprintf("does not answer within %s", answerTime), doStartBuilder, err}
	case secure && (refused || closed):
		return &builderError{"refuses the connection: " + said, doCertificates, err}
	case refused || closed:
		return &builderError{"does not answer as BuildKit without TLS: " + said, doNoCertificate, err}
	}
	return &builderError{"does not answer: " + said, doStartBuilder, err}
}

// Runs reports whether the daemon runs commands for a platform, such as linux/arm64, natively or by emulation. For a daemon of our own that is
// not known here, see MissingPlatforms.
func (d *Daemon) Runs(platform string) bool {
	p, err := platforms.Parse(platform)
	return err == nil && matches(d.platforms, platforms.Normalize(p))
}

// Platforms are the platforms that a named daemon reports.
func (d *Daemon) Platforms() []string { return formatted(d.platforms) }

func formatted(list []ocispecs.Platform) []string {
	var names []string
	for _, p := range list {
		names = append(names, platforms.Format(platforms.Normalize(p)))
	}
	return names
}

// Builds is the number of builds that run on the daemon, of all its users.
func (d *Daemon) Builds(ctx context.Context) (int, error) {
	c, err := d.Client(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return runningBuilds(ctx, c)
}

func runningBuilds(ctx context.Context, c *client.Client) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	events, err := c.ControlClient().ListenBuildHistory(ctx, &controlapi.BuildHistoryRequest{ActiveOnly: true, EarlyExit: true})
	if err != nil {
		return 0, err
	}
	for {
		event, err := events.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		case event.Type == controlapi.BuildHistoryEventType_STARTED:
			n++
		}
	}
}
