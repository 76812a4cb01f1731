package repo

import (
	"errors"
	"strings"
	"testing"
)

func TestMessage(t *testing.T) {
	_, c := forge(t)
	r := c.open()
	c.write("x", "x")
	hash := c.commit("Promote devpi to v1.1.0 [skip ci]")
	if got, err := r.Message(hash); err != nil || got != "Promote devpi to v1.1.0 [skip ci]\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Message(strings.Repeat("1", 40)); !errors.Is(err, ErrUnknownCommit) {
		t.Errorf("no such commit: %v", err)
	}
}
