package registry

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// No part of a publish keeps a layer in memory: a layer of 56 MB more does not allocate a third of that.
func TestMemoryDoesNotGrowWithTheImage(t *testing.T) {
	testenv.Slow(t, "pushes large images")
	const small, large = 8 << 20, 64 << 20
	s := newServer(t, serverOptions{})
	for _, repack := range []bool{false, true} {
		meta := metadata()
		meta.Repack = repack
		var allocated []uint64
		for _, size := range []int{small, large} {
			text := randomText(size)
			v := image.Variant{
				Platform: amd64, File: export{platform: amd64, level: gzip.BestSpeed, layers: [][]tar.Header{{file("app", text)}}}.write(t),
				Program: "/app", SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text))),
			}
			allocated = append(allocated, allocations(func() { publishOnce(t, New(fast()), refAt(s.host, fmt.Sprint("v", size)), v, meta) }))
		}
		if more := int64(allocated[1]) - int64(allocated[0]); more > (large-small)/3 {
			t.Errorf("repack %v: %d bytes more are allocated for %d bytes more", repack, more, large-small)
		}
	}
}

func publishOnce(t *testing.T, c *Client, ref image.Reference, v image.Variant, meta image.Metadata) {
	t.Helper()
	a, err := AssembleContext(t.Context(), []image.Variant{v}, meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// allocations are the bytes that this process allocates, which includes the proxy of the registry.
func allocations(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
