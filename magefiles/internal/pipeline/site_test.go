package pipeline

import "testing"

const emptyDigest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestMirrored(t *testing.T) {
	site := Site{Mirrors: map[string]string{"docker.io": "mirror.example/hub/", "ghcr.io": "mirror.example", "localhost": "wrong.example", "": "wrong.example"}}
	for ref, want := range map[string]string{
		"python":                    "mirror.example/hub/library/python:latest",
		"docker.io/grafana/loki:3":  "mirror.example/hub/grafana/loki:3",
		"python" + emptyDigest:      "mirror.example/hub/library/python" + emptyDigest,
		"ghcr.io/a/b:1":             "mirror.example/a/b:1",
		"quay.io/a/b:1":             "quay.io/a/b:1",
		"not a reference":           "not a reference",
		"mirror.example/hub/x:1":    "mirror.example/hub/x:1",
		"localhost:5000/library/x":  "localhost:5000/library/x",
		"docker.io.evil.example/x:": "docker.io.evil.example/x:",
	} {
		if got := site.Mirrored(ref); got != want {
			t.Errorf("Mirrored(%q) = %q, want %q", ref, got, want)
		}
	}
}

// An entry may name a part of a registry; the longest match wins.
func TestMirroredInPart(t *testing.T) {
	site := Site{Mirrors: map[string]string{
		"docker.io/library/debian":        "127.0.0.1:5000/library/debian",
		"docker.io/library/debian:trixie": "127.0.0.1:5000/next:13",
		"docker.io/grafana/":              "mirror.example/g/",
		"ghcr.io":                         "mirror.example/gh",
		"ghcr.io/a":                       "mirror.example/a",
		"ghcr.io/a/b":                     "",
		"localhost:5000/x":                "mirror.example/x",
	}}
	for ref, want := range map[string]string{
		"debian:bookworm-slim":             "127.0.0.1:5000/library/debian:bookworm-slim",
		"debian":                           "127.0.0.1:5000/library/debian:latest",
		"debian:bookworm" + emptyDigest:    "127.0.0.1:5000/library/debian:bookworm" + emptyDigest,
		"debian" + emptyDigest:             "127.0.0.1:5000/library/debian" + emptyDigest,
		"debian:trixie":                    "127.0.0.1:5000/next:13",
		"debian:trixie-slim":               "127.0.0.1:5000/library/debian:trixie-slim",
		"debian-like:1":                    "debian-like:1",
		"docker.io/library/debian/extra:1": "127.0.0.1:5000/library/debian/extra:1",
		"node:22-slim":                     "node:22-slim",
		"grafana/loki:3":                   "mirror.example/g/loki:3",
		"ghcr.io/a/b:1":                    "mirror.example/a/b:1",
		"ghcr.io/ab/c:1":                   "mirror.example/gh/ab/c:1",
		"localhost:5000/x:1":               "mirror.example/x:1",
	} {
		if got := site.Mirrored(ref); got != want {
			t.Errorf("Mirrored(%q) = %q, want %q", ref, got, want)
		}
	}
}
