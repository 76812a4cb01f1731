package docsbuild

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
)

// changelogPages is the website's page of the changelog; none if the changelog is a page of the docs anyway, or does not
// exist.
func (d *building) changelogPages(ctx context.Context, file string) ([]docsite.OutsidePage, error) {
	if d.plan.Generator != docsite.Quartz || d.Settings.Dir == "." || strings.HasPrefix(file, d.Settings.Dir+"/") {
		return nil, nil
	}
	text, longer, err := d.changelogText(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	dates, err := d.Dates(ctx, file)
	if err != nil {
		return nil, err
	}
	page := docsite.OutsidePage{Path: file, Text: text, Dates: dates[file]}
	if longer && page.Dates.Modified.Before(d.args.Time) {
		page.Dates.Modified = d.args.Time
	}
	return []docsite.OutsidePage{page}, nil
}

// changelogText is the changelog as the release of the version commits it. It is longer than the file by the version's section. In a
// build by hand, of no version or of one that the changelog cannot take, it is the file.
func (d *building) changelogText(file string) (text []byte, longer bool, err error) {
	if !d.version.IsChannel() {
		date := cmp.Or(d.args.Date, d.args.Time.In(d.zone()).Format(time.DateOnly))
		built, err := changelog.Build(d.Tree, changelog.Input{Version: d.version.String(), Date: date})
		switch {
		case err != nil && d.args.Date != "":
			return nil, false, err
		case err == nil && !built.Exists:
			return built.Content(), true, nil
		}
	}
	text, err = fs.ReadFile(d.Tree, file)
	return text, false, err
}
