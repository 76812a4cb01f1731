package checks

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// files reports the files that the other checks skip.
var files = validate.Check{
	Name:   "files",
	Covers: "Every file except [[validate-the-repository#Files of tests and of others|those of tests and of others]]: whether it can be read.",
	Rules: []validate.Rule{
		{ID: "unreadable", What: "A file cannot be read: a symbolic link to a missing file, to itself or out of the repository, a pipe, a device, or missing permissions; or a submodule below the folders of containers, docs or manifests is not checked out.", Do: "Repair or remove the file, or check the submodule out."},
		{ID: "large", What: "A file is larger than 2 MiB, or a page has more than 150,000 markup characters of Markdown, so no check reads it.", Do: "Keep large files outside of the repository, or ignore this one in .gitignore. Divide the page."},
		{ID: "encoding", What: "A text file is not UTF-8, so no check reads it.", Do: "Save the file as UTF-8."},
	},
	Narrow: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		for name, message := range in.Site.Absent {
			in.Report(validate.Finding{Path: name, Rule: "unreadable", Message: message})
		}
		return validate.Each(ctx, in.Files("."), func(name string) error {
			if rule, message := in.Problem(name); rule != "" && !in.Foreign(name) {
				in.Report(validate.Finding{Path: name, Rule: rule, Message: message})
			}
			return nil
		})
	},
}
