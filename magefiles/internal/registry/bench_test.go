package registry

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// BenchmarkPublish assembles and pushes an image of 200 MB, and then the same again.
func BenchmarkPublish(b *testing.B) {
	const size, files = 200 << 20, 20
	text := randomText(size)
	e := export{platform: amd64, level: gzip.BestSpeed, layers: [][]tar.Header{{}}}
	for i := range files {
		e.layers[0] = append(e.layers[0], file(fmt.Sprintf("f%02d", i), text[i*size/files:(i+1)*size/files]))
	}
	archive := e.write(b)
	for _, repack := range []bool{false, true} {
		meta := metadata()
		meta.Repack = repack
		run := func(b *testing.B, s *server, c *Client) {
			a, err := AssembleContext(b.Context(), []image.Variant{{Platform: amd64, File: archive}}, meta)
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			if _, err := c.Push(b.Context(), refAt(s.host, "v1"), a); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("first/repack=%v", repack), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				b.StopTimer()
				s := newServer(b, serverOptions{dir: b.TempDir()})
				b.StartTimer()
				run(b, s, New(fast()))
			}
		})
		b.Run(fmt.Sprintf("again/repack=%v", repack), func(b *testing.B) {
			b.SetBytes(size)
			s := newServer(b, serverOptions{dir: b.TempDir()})
			run(b, s, New(fast()))
			s.uploaded.Store(0)
			for b.Loop() {
				run(b, s, New(fast()))
			}
			b.ReportMetric(float64(s.uploaded.Load()), "layer-bytes")
		})
	}
}
