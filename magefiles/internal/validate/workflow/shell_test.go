package workflow

import (
	"strings"
	"testing"
)

// show prints commands for tests: words separated by spaces, ~ after one that may become many, … for an expansion.
func show(list []command) string {
	var lines []string
	for _, c := range list {
		var words []string
		for _, w := range c.words {
			s := w.text
			if !w.literal {
				s += "…"
			}
			if w.many {
				s += "~"
			}
			words = append(words, s)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "|")
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"":                                       "",
		"mage test":                              "mage test",
		"a b # c\nd":                             "a b|d",
		"a && b || c; d & e | f":                 "a|b|c|d|e|f",
		"a \\\n  b":                              "a b",
		"a \\\r\n  b\r\nc\r\n":                   "a b|c",
		`a 'b c' "d e" f\ g h"i"'j'`:             "a b c d e f g hij",
		`a "$B" $C "$@" "${D[@]}" ${E} $1x`:      "a … …~ …~ …~ …~ …~",
		`a -x="$B" v$C`:                          "a -x=… v…~",
		"a *.go {b,c} d{1}":                      "a …~ …~ d{1}",
		"if ! a; then b; else time c; fi":        "a|b|c",
		"a > b 2>&1 < c >> d &> e <<< f":         "a",
		"a 2 > b":                                "a 2",
		"cat <<EOF\na\nEOF\nb":                   "cat|b",
		"cat <<-'EOF' > x\na\n\tEOF\nb":          "cat|b",
		"X=$(a b) c":                             "a b|c",
		"X= Y=\"a\" b":                           "b",
		"X=\"$(a \"$(b)\")\"":                    "b|a …",
		"X=(a b)\nc":                             "c",
		"f() { a; }":                             "a",
		"(a; b)":                                 "a|b",
		"case $x in\n a|b) c ;;\n *) d ;;\nesac": "c|d",
		"a $((1 + 2)) $ `b` ${{ inputs.x }} \"${{ a }}\"":          "b|a … $ …~ …~ …",
		"a ${B:-c}d \"e${F}\"":                                     "a …~ e…",
		"[[ \"$a\" =~ ^v[0-9]+$ ]] && b":                           "b",
		"a $'b' x$\"c\"":                                           "a … x…",
		"a [b] [ b] \\*\\[ '*'":                                    "a …~ [ b] *[ *",
		`a "b\n\$\"\\"`:                                            `a b\n$"\`,
		"a 'b${{ c }}' \"d${{ c }}\" e${{ c }}":                    "a b… d… e…~",
		"X=${{ a }} ${{ b\n}} c | d >${{ e }} $((${{ f }} + 1))":   "…~ c|d …",
		"cat <<EOF\n$(a) ${{ b }} ('\nEOF\nc":                      "cat|a|c",
		"for a in ${{ b }}; do c & done; ((d > 1)); export E=$(f)": "c|f",
		"a \"${B:-\"$@\"}\" \"${!C}\"":                             "a …~ …~",
		"diff <(a) <(b)":                                           "a|b|diff … …",
	} {
		list, ok := commands(script)
		if got := show(list); !ok || got != want {
			t.Errorf("%q: got %q, %v, want %q", script, got, ok, want)
		}
	}
}

func TestCommandsGivesUp(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"a 'b", `a "b`, "a `b", "a $(b", "a ${b", "cat <<EOF\na", "cat <<$X\na\n", "mage() { a; }", "function mage { a; }", "if a; then", "a)", "() a", "a ${{ b", "a $((b", strings.Repeat("$(", 101) + "a" + strings.Repeat(")", 101), strings.Repeat("a\n", 40000),
	} {
		if list, ok := commands(script); ok {
			t.Errorf("%q: got %q, want nothing", script, show(list))
		}
	}
}

// TestCommandsHostile has scripts of the maximum length that would take long or exhaust the stack.
func TestCommandsHostile(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"(", "$(case a in a) ", "if ", "f()", "a&&", `{\}`, "{'}'", "[\\]", "<<A "} {
		commands("a " + strings.Repeat(part, maxScript/len(part)-1))
		commands(strings.Repeat(part, maxScript/len(part)-1) + "a")
	}
}

func FuzzCommands(f *testing.F) {
	f.Add("if ! mage -v a \"$B\"; then exec mage \\\n b -x=1; fi")
	f.Add("cat <<EOF\nX=$(mage `a`) ${{ b }}\nEOF\nmage ${C:-d} $((1)) (a) {b,c}")
	f.Add("f() { case $x in a) mage 'b${{ c }}';; *[d]) mage <(e) @(f) $'g';; esac }\nfor i in \"${h[@]}\"; do [[ $i =~ j ]] || ((k++)); done")
	f.Fuzz(func(t *testing.T, script string) {
		list, _ := commands(script)
		for _, c := range list {
			for _, w := range c.words {
				if w.offset < 0 || w.offset > len(script) {
					t.Fatalf("the word %q stands at %d of %d", w.text, w.offset, len(script))
				}
			}
			c.plain().mage()
		}
	})
}
