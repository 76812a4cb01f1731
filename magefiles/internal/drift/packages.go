package drift

import (
	"context"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

func packages(p Packages) validate.Check {
	return validate.Check{
		Name:   "package",
		Covers: "Downloads the release of the docs that the manifest names, and compares its checksum.",
		Rules: []validate.Rule{
			{ID: "missing", What: "The file is not at the forge.", Do: "Go back to an existing version (mage docs:rollback), or release the next one."},
			{ID: "changed", What: "The checksum of the file at the forge differs from the manifest.", Do: "Find out who replaced it. Then release the next version (mage docs:release patch -new)."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			pin, ok, err := p.Pinned(in.Tree)
			if err != nil || !ok || pin.none() {
				return err
			}
			sum, ok, err := p.Sum(ctx, pin)
			at := validate.Finding{Path: pin.Path, Line: pin.Line, Column: pin.Column}
			switch {
			case err != nil:
				return remote.Advised(err)
			case !ok:
				at.Rule, at.Message = "missing", fmt.Sprintf("%s has no file %s of docs %s", p, pin.File, pin.Version)
				in.Report(at)
			case pin.Sum != "" && !strings.EqualFold(pin.Sum, sum):
				at.Rule, at.Message = "changed", fmt.Sprintf("%s of docs %s has the SHA-256 %.12s…, not %.12s…", pin.File, pin.Version, sum, pin.Sum)
				in.Report(at)
			}
			return nil
		},
	}
}

// none says that a pin is a placeholder until the first release: its checksum is all zeros.
func (p Pin) none() bool { return p.Sum != "" && strings.Trim(p.Sum, "0") == "" }
