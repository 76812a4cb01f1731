package solver

import (
	"context"
	"encoding/json"
	"io"
	"maps"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Variant is the image for one platform.
type Variant struct {
	Platform    ocispecs.Platform
	State       llb.State
	Config      []byte // OCI image configuration, JSON
	Annotations map[string]string
}

// Export is the target of images: BuildKit's exporter, its attributes, and the file or folder for exporters that write one.
type Export struct {
	Type  string
	Attrs map[string]string
	File  io.WriteCloser
	Dir   string
}

// Export makes the variants one image, or an index of them, and passes it to an exporter. It returns the exporter's answer, which includes the
// digest.
func (s *Solver) Export(ctx context.Context, variants []Variant, to Export) (map[string]string, error) {
	attrs := maps.Clone(to.Attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	for _, v := range variants {
		for k, a := range v.Annotations {
			attrs["annotation-manifest"+annotationFor(variants, v)+"."+k] = a
			attrs["annotation-manifest-descriptor"+annotationFor(variants, v)+"."+k] = a
		}
	}
	return s.export(ctx, client.ExportEntry{Type: to.Type, Attrs: attrs}, to, func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		return s.result(ctx, gw, variants)
	})
}

// annotationFor selects the variant of an annotation, if there are several.
func annotationFor(variants []Variant, v Variant) string {
	if len(variants) == 1 {
		return ""
	}
	return "[" + platforms.Format(v.Platform) + "]"
}

// ExportDir writes the tree of a state into a folder of the host. It adds to the existing files, or, with wipe, replaces them.
func (s *Solver) ExportDir(ctx context.Context, st llb.State, dir string, wipe bool) error {
	attrs := map[string]string{}
	if wipe {
		attrs["mode"] = "delete"
	}
	_, err := s.export(ctx, client.ExportEntry{Type: client.ExporterLocal, Attrs: attrs}, Export{Dir: dir}, func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		res := gateway.NewResult()
		ref, err := s.solveIn(ctx, gw, st)
		res.SetRef(ref)
		return res, err
	})
	return err
}

func (s *Solver) export(ctx context.Context, entry client.ExportEntry, to Export, build gateway.BuildFunc) (map[string]string, error) {
	if to.File != nil {
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return to.File, nil }
	}
	entry.OutputDir = to.Dir
	res, err := s.client.Build(ctx, client.SolveOpt{Exports: []client.ExportEntry{entry}, Session: s.attachables(), AllowedEntitlements: s.entitlements()}, "", build, s.progress.follow())
	if err != nil {
		return nil, s.stopped(err)
	}
	return res.ExporterResponse, nil
}

func (s *Solver) solveIn(ctx context.Context, gw gateway.Client, st llb.State) (gateway.Reference, error) {
	if st.Output() == nil {
		return nil, nil
	}
	def, err := s.Marshal(ctx, st, s.Platform())
	if err != nil {
		return nil, err
	}
	pbd, err := s.definition(def.ToPB())
	if err != nil {
		return nil, err
	}
	res, err := gw.Solve(ctx, gateway.SolveRequest{Definition: pbd, CacheImports: s.cache.imports(ctx)})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

func (s *Solver) result(ctx context.Context, gw gateway.Client, variants []Variant) (*gateway.Result, error) {
	res := gateway.NewResult()
	var index exptypes.Platforms
	for _, v := range variants {
		ref, err := s.solveIn(ctx, gw, v.State)
		if err != nil {
			return nil, err
		}
		id := platforms.Format(v.Platform)
		if len(variants) == 1 {
			res.SetRef(ref)
			res.AddMeta(exptypes.ExporterImageConfigKey, v.Config)
		} else {
			res.AddRef(id, ref)
			res.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, v.Config)
		}
		index.Platforms = append(index.Platforms, exptypes.Platform{ID: id, Platform: v.Platform})
	}
	b, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	if len(variants) > 1 {
		res.AddMeta(exptypes.ExporterPlatformsKey, b)
	}
	return res, nil
}

// Prune frees the part of the daemon's cache that no build uses.
func (s *Solver) Prune(ctx context.Context) error {
	return s.client.Prune(ctx, nil, client.PruneAll)
}
