package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// These bound what container:changed asks a registry: the questions for each container, and those for each run.
const (
	coldRequests = 3 // the tags, a manifest, a config; an index has one manifest more
	warmRequests = 2 // the tags, a manifest
	runRequests  = 8 // GET /v2/ from each of the parallel questions that are the first
)

func TestChangedRequests(t *testing.T) {
	const containers = 40
	h := newHomelab(t)
	server, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	h.Registry, h.Namespace, h.RegistryUser = server.Addr, "me", "none"
	for n := range containers {
		h.write(fmt.Sprintf("containers/c%d/Dockerfile", n), "ARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\n")
	}
	head := h.commit("Add containers")
	for n := range containers {
		h.publish(fmt.Sprintf("c%d:v1.0.0-%s", n, head[:7]), head)
	}
	h.write("containers/c7/file", "changed")
	h.commit("Change one")
	want := []string{"a", "b", "c7"}
	counts := func(at string, perContainer int) {
		t.Helper()
		server.Forget()
		found, err := h.Changed(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range found {
			names = append(names, string(c.Name))
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: changed %q, want %q", at, names, want)
		}
		byContainer, run := map[string]int{}, 0
		for _, q := range server.Requests() {
			if q.Path == "/v2/" {
				run++
				continue
			}
			var name string
			for n := range containers {
				if of := fmt.Sprintf("c%d", n); strings.HasPrefix(q.Path, "/v2/me/"+of+"/") {
					name = of
				}
			}
			byContainer[name]++
		}
		delete(byContainer, "") // a and b are not published: their tags are asked for
		exact := map[string]int{}
		for n := range containers {
			exact[fmt.Sprintf("c%d", n)] = perContainer
		}
		if !reflect.DeepEqual(byContainer, exact) {
			t.Errorf("%s: requests for each container: %v, want %d each", at, byContainer, perContainer)
		}
		if run < 1 || run > runRequests {
			t.Errorf("%s: %d requests for the run, want 1 to %d", at, run, runRequests)
		}
	}
	counts("cold", coldRequests)
	counts("warm", warmRequests)
}
