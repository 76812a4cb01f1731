package console

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal is a terminal that is written to. Only Attended reads it, and changes its modes.
type terminal struct{ fd int }

// terminalOf is the terminal behind w, nil if there is none.
func terminalOf(w io.Writer) *terminal {
	file, ok := w.(*os.File)
	if !ok || file == nil || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return &terminal{int(file.Fd())}
}

// size is the number of columns and rows, 80 and 24 if unknown.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(t.fd)
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// look says which characters a live view may use.
type look struct{ colour, unicode bool }

// lookOf makes a look according to https://no-color.org and the locale.
func lookOf(env func(string) string) look {
	locale := env("LC_ALL")
	for _, name := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = env(name)
		}
	}
	locale = strings.ToUpper(locale)
	return look{colour: env("NO_COLOR") == "", unicode: strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")}
}

func (l look) dim(s string) string   { return l.paint("2", s) }
func (l look) green(s string) string { return l.paint("32", s) }
func (l look) red(s string) string   { return l.paint("31", s) }

func (l look) paint(code, s string) string {
	if !l.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
