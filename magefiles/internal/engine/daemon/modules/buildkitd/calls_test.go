package main

import (
	"context"
	"errors"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/control/gateway"
	gatewayapi "github.com/moby/buildkit/frontend/gateway/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// caller calls the server as a client with one build does.
type caller struct {
	calls *buildCalls
	ctx   context.Context
}

func newCaller() caller {
	// as package buildid of BuildKit has it
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("buildkit-controlapi-buildid", "b"))
	return caller{&buildCalls{builds: map[string]*openBuild{}}, ctx}
}

// build runs a build. The channel gets its error.
func (c caller) build(ctx context.Context, runs func(context.Context)) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := c.calls.intercept(ctx, &controlapi.SolveRequest{Ref: "b"}, &grpc.UnaryServerInfo{}, func(ctx context.Context, _ any) (any, error) {
			runs(ctx)
			return nil, context.Cause(ctx)
		})
		ended <- err
	}()
	return ended
}

func (c caller) call(req any, runs func(context.Context)) error {
	_, err := c.calls.intercept(c.ctx, req, &grpc.UnaryServerInfo{Server: &gateway.GatewayForwarder{}}, func(ctx context.Context, _ any) (any, error) {
		runs(ctx)
		return nil, context.Cause(ctx)
	})
	return err
}

// A build whose client is gone ends after its calls.
func TestABuildEndsAfterItsCalls(t *testing.T) {
	c := newCaller()
	ctx, leave := context.WithCancelCause(c.ctx)
	gone := errors.New("the client is gone")
	started, cancelled, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { // before its build
		ended <- c.call(&gatewayapi.SolveRequest{}, func(ctx context.Context) {
			close(started)
			<-ctx.Done()
			close(cancelled)
			<-release
		})
	}()
	<-started
	running := make(chan context.Context, 1)
	built := c.build(ctx, func(ctx context.Context) {
		running <- ctx
		<-ctx.Done()
	})
	run := <-running
	leave(gone)
	<-cancelled
	if run.Err() != nil {
		t.Error("the build was cancelled before its call had ended")
	}
	if err := c.call(&gatewayapi.SolveRequest{}, func(context.Context) { t.Error("a call began after the end") }); status.Code(err) != codes.Canceled {
		t.Errorf("a call after the end: %v", err)
	}
	close(release)
	if err := <-ended; !errors.Is(err, errEnded) {
		t.Errorf("the call: %v", err)
	}
	if err := <-built; !errors.Is(err, gone) {
		t.Errorf("the build: %v", err)
	}
	if len(c.calls.builds) != 0 {
		t.Errorf("left: %v", c.calls.builds)
	}
}

// The result of a build is returned after its calls have ended.
func TestTheResultIsTheLastCall(t *testing.T) {
	c := newCaller()
	finish := make(chan struct{})
	built := c.build(c.ctx, func(context.Context) { <-finish })
	started, done := make(chan struct{}), make(chan error, 1)
	over := false
	go func() {
		done <- c.call(&gatewayapi.ReadFileRequest{}, func(ctx context.Context) {
			close(started)
			<-ctx.Done()
			over = true
		})
	}()
	<-started
	if err := c.call(&gatewayapi.ReturnRequest{}, func(ctx context.Context) {
		if !over || ctx.Err() != nil {
			t.Errorf("the call has ended: %v; the last one: %v", over, ctx.Err())
		}
	}); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, errEnded) {
		t.Errorf("the call: %v", err)
	}
	close(finish)
	if err := <-built; err != nil {
		t.Errorf("the build: %v", err)
	}
	if len(c.calls.builds) != 0 {
		t.Errorf("left: %v", c.calls.builds)
	}
}

// Other requests pass.
func TestOtherRequestsPass(t *testing.T) {
	c := newCaller()
	got, err := c.calls.intercept(c.ctx, &controlapi.InfoRequest{}, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { return "info", nil })
	if got != "info" || err != nil || len(c.calls.builds) != 0 {
		t.Errorf("%v, %v, %v", got, err, c.calls.builds)
	}
}
