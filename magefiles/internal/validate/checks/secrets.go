package checks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/leak"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/reference"
)

// secrets finds credentials in the repository.
var secrets = validate.Check{
	Name: "secrets",
	Covers: "Every text file: text that looks like a credential by the rules of gitleaks and .gitleaks.toml, also in base64. Without .gitleaks.toml, only tokens in the form of one provider in tests, and in files of others. " +
		"Kubernetes Secrets in YAML files: values. YAML, TOML, JSON and .env files, scripts and the Go files in magefiles, except tests: references that do not parse. " +
		"A finding never contains the credential.",
	Rules: []validate.Rule{
		{ID: "credential", What: "Text looks like a credential.", Do: "Remove it, and replace it at its server, because it stays in the history; if it is not a credential, write gitleaks:allow REASON in a comment on the line, or an allowlist with a description in .gitleaks.toml."},
		{ID: "manifest", What: "A Secret of Kubernetes contains a value, which everyone with access to the repository can read.", Do: "Let an operator make the Secret from a reference, and replace the value at its server; if it is not a secret, write gitleaks:allow REASON in a comment on the line."},
		{ID: "reason", What: "Text that looks like a credential is allowed without a reason.", Do: "Write the reason: after gitleaks:allow, as the description of the allowlist, or in a comment above the fingerprint in .gitleaksignore."},
		{ID: "reference", What: "A reference to a secret does not parse.", Do: "Write op://VAULT/ITEM/FIELD, env://NAME or file://PATH."},
		{ID: "settings", What: "The file .gitleaks.toml or .gitleaksignore cannot be used.", Do: "Correct the file; until then the default rules of gitleaks apply."},
	},
	Narrow: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		settings, _ := in.Text(leak.SettingsFile)
		ignored, _ := in.Text(leak.IgnoreFile)
		scanner, problems, err := leak.New(settings, ignored)
		if err != nil {
			return err
		}
		texts := map[string]string{leak.SettingsFile: settings, leak.IgnoreFile: ignored}
		for _, p := range problems {
			reportSettings(in, p, texts[p.File])
		}
		return validate.Each(ctx, in.Files("."), func(name string) error {
			return inspect(in, scanner, name)
		})
	},
}

func reportSettings(in *validate.Input, p leak.Problem, text string) {
	f := validate.Finding{Path: p.File, Rule: "settings", Message: p.Message}
	if p.Reason {
		f.Rule, f.Group = "reason", p.Message
	}
	f.Line, f.Column = validate.Position(text, p.Offset)
	in.Report(f)
}

// inspect checks one file. The message of a library's panic may contain the text, so only the place of the panic is passed on.
func inspect(in *validate.Input, scanner *leak.Scanner, name string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: panic: %T", name, r)
		}
	}()
	text, ok := in.Text(name)
	if !ok { // the name may still match a rule
		for _, m := range scanner.Scan(name, "") {
			in.Report(validate.Finding{Path: name, Rule: "credential", Message: credential(m)})
		}
		return nil
	}
	inManifest := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	var values map[[2]int]bool // lines and columns
	if inManifest && !in.Foreign(name) && !scanner.AllowsPath(name) {
		values = reportValues(in, name, text)
	}
	lenient := !in.Has(leak.SettingsFile) && in.Test(name)
	where := cursor{text: text, line: 1, column: 1}
	for _, m := range scanner.Scan(name, text) {
		if values != nil && m.Rule == "kubernetes-secret-yaml" {
			continue // reported already
		}
		if lenient && slices.Contains(anyForm, m.Rule) {
			continue
		}
		f := validate.Finding{Path: name, Rule: "credential", Message: credential(m)}
		if m.Bare {
			f.Rule, f.Message = "reason", fmt.Sprintf("%s has no reason: the text %s", leak.Allow, credential(m))
		}
		f.Group = f.Message
		f.Line, f.Column = where.to(m.Offset)
		if values[[2]int{f.Line, f.Column}] && slices.Contains(anyForm, m.Rule) {
			continue // reported as a value of a Secret
		}
		in.Report(f)
	}
	if in.ParseSecret != nil && !in.Foreign(name) {
		reportReferences(in, name, text)
	}
	return nil
}

// anyForm are the rules that find text of any form next to a word such as key. Tests are full of such text: without .gitleaks.toml, only
// credentials in the form of one provider are findings there.
var anyForm = []string{"generic-api-key", "private-key", "jwt", "jwt-base64", "curl-auth-header", "curl-auth-user", "kubernetes-secret-yaml", "hashicorp-tf-password"}

func credential(m leak.Match) string { return "looks like a credential: " + m.Rule + " of gitleaks" }

// reportValues returns the places of the values; nil if no Secret could be read.
func reportValues(in *validate.Input, name, text string) map[[2]int]bool {
	values, read := leak.Values(text)
	if len(values) == 0 && !read {
		return nil
	}
	reported := map[[2]int]bool{}
	lines := strings.Split(text, "\n")
	for _, v := range values {
		key := strconv.Quote(v.Key)
		f := validate.Finding{Path: name, Line: v.Line, Column: v.Column, Rule: "manifest", Message: fmt.Sprintf("Secret %q contains a value for %s", v.Secret, key), Group: v.Secret, Item: key}
		if reason, found := leak.Allowance(lines[min(v.Line, len(lines))-1]); found && reason != "" {
			continue
		} else if found {
			f.Rule, f.Message = "reason", leak.Allow+" has no reason for a value in a Secret"
			f.Group, f.Item = f.Message, ""
		}
		in.Report(f)
		reported[[2]int{v.Line, v.Column}] = true
	}
	return reported
}

func reportReferences(in *validate.Input, name, text string) {
	where := cursor{text: text, line: 1, column: 1}
	for _, r := range reference.Find(name, text) {
		if err := in.ParseSecret(r.Text, r.Ours); err != nil {
			line, column := where.to(r.Offset)
			in.Report(validate.Finding{Path: name, Line: line, Column: column, Rule: "reference", Message: err.Error()})
		}
	}
}

// cursor converts ascending offsets to positions in one pass.
type cursor struct {
	text             string
	at, line, column int
}

func (c *cursor) to(offset int) (line, column int) {
	step := c.text[c.at:max(c.at, offset)]
	if i := strings.LastIndexByte(step, '\n'); i >= 0 {
		c.line += strings.Count(step, "\n")
		c.column, step = 1, step[i+1:]
	}
	c.column += utf8.RuneCountInString(step)
	c.at = max(c.at, offset)
	return c.line, c.column
}
