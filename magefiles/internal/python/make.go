package python

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Builder runs build backends.
type Builder interface {
	// Build makes one wheel and one sdist in the folder to, which must not exist.
	Build(ctx context.Context, g Generation, to string) error
}

// Making says how a project is built.
type Making struct {
	Source  string       // folder with its files
	To      string       // folder for wheel and sdist, which must not exist
	Time    time.Time    // of the content
	Version Version      // that the metadata must have; of a project with FromCode, the zero value is any
	Note    func(string) // if set, is called with notes for the user
}

// DevVersion is a version for a build of a commit that has no other one: 0.dev0+g and the commit. It comes before every other version.
func DevVersion(commit string) (Version, error) { return ParseVersion("0.dev0+g" + commit) }

// Build builds the wheel and the sdist, and checks them as an index does: name, version, metadata. The wheel is first.
func (p Project) Build(ctx context.Context, b Builder, m Making) ([]Dist, error) {
	if err := b.Build(ctx, p.Generation(m.Source, m.Time, m.Version), m.To); err != nil {
		return nil, err
	}
	dists, err := readDists(m.To)
	if err != nil {
		return nil, err
	}
	for i, d := range dists {
		if err := p.check(d, m.Version); err != nil {
			return nil, err
		}
		if !d.Newest.After(m.Time) {
			continue
		}
		if d.Kind == Wheel {
			m.note(d.Name + " contains the time of the build: its build backend ignores SOURCE_DATE_EPOCH, so that another build has other bytes")
			continue
		}
		if dists[i], err = d.withTime(m.Time); err != nil {
			return nil, err
		}
		m.note(fmt.Sprintf("%s contained the time of the build: it was replaced with the time of the commit, %s", d.Name, m.Time.UTC().Format(time.RFC3339)))
	}
	if v := dists[1].Metadata.Version; v.Compare(dists[0].Metadata.Version) != 0 {
		return nil, &DistError{dists[0].Name, "has another version than " + dists[1].Name}
	}
	return dists, nil
}

func (m Making) note(text string) {
	if m.Note != nil {
		m.Note(text)
	}
}

// readDists reads one wheel and one sdist.
func readDists(dir string) (dists []Dist, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		d, err := ReadDist(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		dists = append(dists, d)
	}
	slices.SortFunc(dists, func(a, b Dist) int { return strings.Compare(string(b.Kind), string(a.Kind)) })
	if len(dists) != 2 || dists[0].Kind != Wheel || dists[1].Kind != Sdist {
		return nil, fmt.Errorf("the build backend made %s: expected one wheel and one sdist", strings.Join(names, ", "))
	}
	return dists, nil
}

// check compares the metadata of a file with the project.
func (p Project) check(d Dist, want Version) error {
	m := d.Metadata
	switch {
	case m.Name.Normalized() != p.Name.Normalized():
		return &DistError{d.Name, fmt.Sprintf("has the name %s, but %s states %s", m.Name, File, p.Name)}
	case want.release != nil && m.Version.Compare(want) != 0:
		return &DistError{d.Name, fmt.Sprintf("has version %s, expected %s", m.Version, want)}
	}
	if faults := m.Faults(); len(faults) > 0 {
		return &DistError{d.Name, "would be refused by an index: " + strings.Join(faults, "; ")}
	}
	return nil
}

// withTime replaces an sdist by its Repack.
func (d Dist) withTime(at time.Time) (Dist, error) {
	made := d.Path + ".new"
	f, err := os.OpenFile(made, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return d, err
	}
	err = d.Repack(at, f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(made, d.Path)
	}
	if err != nil {
		return d, fmt.Errorf("repack %s: %w", d.Name, err)
	}
	return ReadDist(d.Path)
}
