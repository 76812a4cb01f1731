package leak

import (
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
)

// TestLikeDetect compares the scanner with gitleaks' own, on texts made from each rule's expression.
func TestLikeDetect(t *testing.T) {
	t.Parallel()
	theirs, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse(config.DefaultConfig)
	if err != nil {
		t.Fatal(err)
	}
	ours, random, found := scanner(t, "", ""), rand.New(rand.NewPCG(1, 2)), 0
	for _, rule := range c.Rules {
		if rule.Regex == "" || rule.ID == "slack-config-access-token" { // the unescaped dot in its expression is a mistake
			continue
		}
		parsed, err := syntax.Parse(rule.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		name := "a.txt"
		switch rule.ID {
		case "freemius-secret-key":
			name = "a.php"
		case "kubernetes-secret-yaml":
			name = "a.yaml"
		case "nuget-config-password":
			name = "nuget.config"
		case "hashicorp-tf-password":
			name = "a.tf"
		}
		for range 3 {
			text := "first line\n" + strings.Join(rule.Keywords, " ") + "\n\n" + sample(random, parsed) + "\nlast line\n"
			var want []string
			//lint:ignore SA1019 there is no other for one text yet
			for _, f := range theirs.Detect(detect.Fragment{Raw: text, FilePath: name}) {
				if f.RuleID == rule.ID {
					want = append(want, rule.ID)
					break
				}
			}
			found += len(want)
			var got []string
			scan := scan{Scanner: ours, name: name, text: text}
			scan.keywords(0, len(text))
			for _, f := range scan.found {
				if f.Rule == rule.ID {
					got = append(got, rule.ID)
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: ours %v, gitleaks %v in\n%q", rule.ID, got, want, text)
			}
		}
	}
	if found < 400 {
		t.Errorf("the samples have %d credentials: too few to tell", found)
	}
}

// sample is a text that an expression matches.
func sample(random *rand.Rand, re *syntax.Regexp) string {
	var b strings.Builder
	repeat := func(sub *syntax.Regexp, low, high int) {
		if high < 0 || high > low+40 {
			high = low + 5
		}
		for range low + random.IntN(high-low+1) {
			b.WriteString(sample(random, sub))
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(inClass(random, re.Rune))
	case syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		b.WriteByte("abc123 "[random.IntN(7)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			b.WriteString(sample(random, sub))
		}
	case syntax.OpAlternate:
		b.WriteString(sample(random, re.Sub[random.IntN(len(re.Sub))]))
	case syntax.OpStar:
		repeat(re.Sub[0], 0, -1)
	case syntax.OpPlus:
		repeat(re.Sub[0], 1, -1)
	case syntax.OpQuest:
		repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		repeat(re.Sub[0], re.Min, re.Max)
	}
	return b.String()
}

// inClass returns a printable ASCII character of the class, if it has one.
func inClass(random *rand.Rand, class []rune) rune {
	var all []rune
	for i := 0; i+1 < len(class); i += 2 {
		for r := class[i]; r <= class[i+1] && r < 0x7f; r++ {
			if r > ' ' {
				all = append(all, r)
			}
		}
	}
	if len(all) == 0 {
		return class[0]
	}
	return all[random.IntN(len(all))]
}
