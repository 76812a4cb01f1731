package main

import (
	"context"
	"errors"
	"sync"
	"time"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client/buildid"
	gatewayapi "github.com/moby/buildkit/frontend/gateway/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// callTime is how long the calls of a build may take to end after they were cancelled.
const callTime = 10 * time.Second

var errEnded = errors.New("the build has ended")

// buildCalls keeps a build open until its calls have ended. BuildKit releases the results of a build when it ends. A call that ends later, such as
// one of a killed client, would add results that nobody releases.
type buildCalls struct {
	mu     sync.Mutex
	builds map[string]*openBuild // by id
}

// openBuild is a build with its calls, or a call that arrived before its build.
type openBuild struct {
	life  context.Context // of the calls
	end   context.CancelCauseFunc
	users int            // the build, if it has arrived, and its calls
	calls sync.WaitGroup // no call is added after the end
}

// intercept is a [grpc.UnaryServerInterceptor].
func (c *buildCalls) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if solve, ok := req.(*controlapi.SolveRequest); ok {
		return c.build(ctx, solve, handler)
	}
	if _, ok := info.Server.(gatewayapi.LLBBridgeServer); ok {
		return c.call(ctx, req, handler)
	}
	return handler(ctx, req)
}

// build runs a build. When its client cancels it, or is gone, its calls end first.
func (c *buildCalls) build(ctx context.Context, req *controlapi.SolveRequest, handler grpc.UnaryHandler) (any, error) {
	b := c.enter(req.Ref)
	defer c.leave(req.Ref, b)
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() {
		c.finish(b)
		stop(context.Cause(ctx))
	})()
	return handler(run, req)
}

// call runs a call of a build. The call that returns the result of the build is the last one.
func (c *buildCalls) call(ctx context.Context, req any, handler grpc.UnaryHandler) (any, error) {
	id := buildid.FromIncomingContext(ctx)
	b := c.enter(id)
	defer c.leave(id, b)
	if _, ok := req.(*gatewayapi.ReturnRequest); ok {
		c.finish(b)
		return handler(ctx, req)
	}
	if !c.begin(b) {
		return nil, status.Error(codes.Canceled, errEnded.Error())
	}
	defer b.calls.Done()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(b.life, func() { stop(context.Cause(b.life)) })()
	return handler(ctx, req)
}

func (c *buildCalls) enter(id string) *openBuild {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.builds[id]
	if b == nil {
		b = &openBuild{}
		b.life, b.end = context.WithCancelCause(context.Background())
		c.builds[id] = b
	}
	b.users++
	return b
}

func (c *buildCalls) leave(id string, b *openBuild) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.users--; b.users == 0 {
		b.end(nil)
		delete(c.builds, id)
	}
}

// begin counts a call, unless the build has ended.
func (c *buildCalls) begin(b *openBuild) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.life.Err() != nil {
		return false
	}
	b.calls.Add(1)
	return true
}

// finish cancels the calls of a build, and waits for their ends.
func (c *buildCalls) finish(b *openBuild) {
	c.mu.Lock()
	b.end(errEnded)
	c.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		b.calls.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(callTime):
	}
}
