package checks

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	matter "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// dateLayouts are the other forms of dates whose day, month and year are certain.
var dateLayouts = []string{
	"2006-1-2", "2006/1/2", "2006.1.2", "20060102",
	"January 2, 2006", "Jan 2, 2006", "January 2 2006", "Jan 2 2006", "2 January 2006", "2 Jan 2006",
}

var ordinal = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)\b`)

// isoDate is a date in the form that pages have; "" if the text is not certainly a date.
func isoDate(text string) string {
	text = ordinal.ReplaceAllString(strings.TrimSpace(text), "$1")
	for _, layout := range dateLayouts {
		if day, err := time.Parse(layout, text); err == nil {
			return day.Format(time.DateOnly)
		}
	}
	return ""
}

// dateFix writes a date in the form that pages have.
func dateFix(text string, value *yaml.Node) *validate.Fix {
	date := isoDate(value.Value)
	if date == "" || value.Anchor != "" || value.Kind != yaml.ScalarNode || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return nil
	}
	start, line := 0, 1
	for ; line < value.Line; line++ {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			return nil
		}
		start += end + 1
	}
	for range value.Column - 1 {
		_, n := utf8.DecodeRuneInString(text[start:])
		start += n
	}
	written := value.Value
	switch value.Style {
	case yaml.DoubleQuotedStyle:
		written = `"` + written + `"`
	case yaml.SingleQuotedStyle:
		written = `'` + written + `'`
	}
	if !strings.HasPrefix(text[start:], written) {
		return nil
	}
	return stating(text, validate.Edit{Start: start, End: start + len(written), New: date}, date)
}

// modifiedFix adds the date of the last commit of a page.
func modifiedFix(text, date string) *validate.Fix {
	block := matter.Find(text)
	if date == "" || !block.Closed || block.Fence != "---" {
		return nil
	}
	end := "\n"
	if strings.Contains(text[:block.Body], "\r\n") {
		end = "\r\n"
	}
	return stating(text, validate.Edit{Start: block.To, End: block.To, New: "modified: " + date + end}, date)
}

// stating is the fix with an edit, if the page then states the date.
func stating(text string, edit validate.Edit, date string) *validate.Fix {
	fix := &validate.Fix{Edits: []validate.Edit{edit}}
	after, made := validate.Edited(text, []*validate.Fix{fix})
	if len(made) == 0 {
		return nil
	}
	front := page.Parse("page.md", after).Front
	if _, value := front.Get("modified"); front.Err != nil || value == nil || value.Value != date {
		return nil
	}
	return fix
}
