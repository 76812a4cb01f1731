package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"dagger.io/dagger"
)

func s_service_tunnel(ctx context.Context, c *dagger.Client) (string, error) {
	t, err := c.Host().Tunnel(svc(c)).Start(ctx)
	if err != nil {
		return "", err
	}
	ep, err := t.Endpoint(ctx)
	if err != nil {
		return "", err
	}
	r, err := http.Get("http://" + ep + "/")
	if err != nil {
		return "", err
	}
	b, _ := io.ReadAll(r.Body)
	_, err = t.Stop(ctx)
	return fmt.Sprintf("endpoint=%s body=%q stop=%s", regexp.MustCompile(`\d+$`).ReplaceAllString(ep, "<port>"), b, es(err)), nil
}
