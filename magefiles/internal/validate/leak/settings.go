package leak

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

// The files of a repository that gitleaks reads.
const (
	SettingsFile = ".gitleaks.toml"
	IgnoreFile   = ".gitleaksignore"
)

// A Problem is an error in one of these files.
type Problem struct {
	File   string
	Offset int // in its text, in bytes
	// Reason says that the problem is a missing reason of an allowance.
	Reason  bool
	Message string
}

// defaults is the scanner of gitleaks' own rules.
var defaults = sync.OnceValues(func() (*Scanner, error) {
	c, err := parse(config.DefaultConfig)
	if err != nil {
		return nil, err
	}
	return newScanner(c)
})

// New makes a scanner. settings and ignored are the texts of SettingsFile and IgnoreFile, "" if there is none. If the settings are invalid,
// the scanner uses gitleaks' own rules. An error means that gitleaks' own rules are invalid.
func New(settings, ignored string) (*Scanner, []Problem, error) {
	scanner, err := defaults()
	if err != nil {
		return nil, nil, err
	}
	var problems []Problem
	if settings != "" {
		own, found := fromSettings(settings)
		problems = append(problems, found...)
		if own != nil {
			scanner = own
		}
	}
	if ignored != "" {
		one := *scanner
		problems = append(problems, one.ignore(ignored)...)
		scanner = &one
	}
	return scanner, problems, nil
}

// parse parses a configuration of gitleaks. Allowlists in the older form, [allowlist], become the last of the newer form.
func parse(text string) (*config.ViperConfig, error) {
	var c config.ViperConfig
	if err := toml.Unmarshal([]byte(text), &c); err != nil {
		return nil, err
	}
	for i := range c.Rules {
		r, old := &c.Rules[i], &c.Rules[i].AllowList
		if *old != nil {
			r.Allowlists, *old = append(r.Allowlists, *old), nil
		}
	}
	//lint:ignore SA1019 gitleaks' own settings have it still
	if old := &c.AllowList; *old != nil {
		c.Allowlists, *old = append(c.Allowlists, *old), nil
	}
	return &c, nil
}

// fromSettings is nil if the settings cannot be used.
func fromSettings(text string) (*Scanner, []Problem) {
	c, err := parse(text)
	if err != nil {
		return nil, []Problem{{File: SettingsFile, Offset: offsetOf(text, err), Message: "cannot be read: " + firstLine(strings.TrimPrefix(err.Error(), "toml: "))}}
	}
	problems := withoutDescription(text, c)
	bad := func(format string, args ...any) (*Scanner, []Problem) {
		return nil, append(problems, Problem{File: SettingsFile, Message: firstLine(fmt.Sprintf(format, args...))})
	}
	if c.Extend.Path != "" || c.Extend.URL != "" {
		return bad("extends another file, which is not supported")
	}
	if len(c.Rules) == 0 && !c.Extend.UseDefault {
		return bad("has no rules, and does not extend the rules of gitleaks")
	}
	merged, err := merge(c)
	if err != nil {
		return bad("%v", err)
	}
	scanner, err := newScanner(merged)
	if err != nil {
		return bad("%v", err)
	}
	return scanner, problems
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func offsetOf(text string, err error) int {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return 0
	}
	row, column := at.Position()
	offset := 0
	for line := range strings.Lines(text) {
		if row--; row == 0 {
			return offset + min(column-1, len(line))
		}
		offset += len(line)
	}
	return 0
}
