package dockerfile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Runs are the platforms for which a build of the platform target runs commands, in the stages that its last stage needs: target itself, or
// another that FROM names. Stages for the build platform (--platform=$BUILDPLATFORM), and stages whose platform is another variable, are omitted.
func (d *File) Runs(target string) []string {
	var found []string
	if len(d.stages) == 0 {
		return nil
	}
	for i := range d.needed(len(d.stages)-1, map[int]bool{}) {
		platform := d.platform(i, target)
		runs := slices.ContainsFunc(d.stages[i].Commands, func(c instructions.Command) bool {
			_, is := c.(*instructions.RunCommand)
			return is
		})
		if runs && platform != "" && !slices.Contains(found, platform) {
			found = append(found, platform)
		}
	}
	slices.Sort(found)
	return found
}

// needed adds the numbers of a stage and of the stages that it depends on.
func (d *File) needed(stage int, seen map[int]bool) map[int]bool {
	if seen[stage] {
		return seen
	}
	seen[stage] = true
	s := d.stages[stage]
	names := []string{d.bases[stage]}
	for _, c := range s.Commands {
		switch c := c.(type) {
		case *instructions.CopyCommand:
			names = append(names, c.From)
		case *instructions.RunCommand:
			names = append(names, mountedFrom(c)...)
		}
	}
	for _, name := range names {
		if at := d.stage(name, stage); at >= 0 {
			d.needed(at, seen)
		}
	}
	return seen
}

// stage is the number of an earlier stage by its name or its number, -1 for none.
func (d *File) stage(name string, before int) int {
	if n, err := strconv.Atoi(name); err == nil && n < before {
		return n
	}
	for i := before - 1; i >= 0 && name != ""; i-- {
		if strings.EqualFold(d.stages[i].Name, name) {
			return i
		}
	}
	return -1
}

// mountedFrom are the sources of the mounts of a RUN.
func mountedFrom(c *instructions.RunCommand) []string {
	var names []string
	for _, m := range instructions.GetMounts(c) {
		names = append(names, m.From)
	}
	return names
}

// platform is the platform of a stage; "" if it is the build platform, or not known.
func (d *File) platform(stage int, target string) string {
	s := d.stages[stage]
	base := d.stage(d.bases[stage], stage)
	switch name := strings.NewReplacer("{", "", "}", "").Replace(s.Platform); {
	case name == "" && base >= 0:
		return d.platform(base, target)
	case name == "", name == "$TARGETPLATFORM":
		return target
	case strings.Contains(name, "$"):
		return ""
	default:
		return name
	}
}
