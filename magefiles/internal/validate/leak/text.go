package leak

import "strings"

// lower folds only ASCII letters, so that offsets stay the same.
var lower = func() (table [256]byte) {
	for i := range table {
		table[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			table[i] += 'a' - 'A'
		}
	}
	return table
}()

// foldPrefix says whether text begins with word, which is in lower case.
func foldPrefix(text, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower[text[i]] != word[i] {
			return false
		}
	}
	return true
}

func isWord(c byte) bool { return c == '_' || isAlphanumeric(c) }
func isName(c byte) bool { return c == '.' || c == '-' || isWord(c) }
func isAlphanumeric(c byte) bool {
	c = lower[c]
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// operators is the expression between a name and its value in most rules of gitleaks; those rules are tried only where assigned says so.
const operators = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`

// assigned says whether the text after text[:at] may match operators and a value of eight characters. The name may continue for 25 bytes.
// Its errors are all false positives.
func assigned(text string, at int) bool {
	at = pass(text, at, 20+25, func(c byte) bool { return c == ' ' || c == '\t' || isName(c) })
	at = pass(text, at, 3, isGap)
	end := pass(text, at, 4, func(c byte) bool { return strings.IndexByte("=>:|?,", c) >= 0 })
	if end == at {
		return false
	}
	value := pass(text, end, 5, func(c byte) bool { return c == '=' || c == '`' || isGap(c) })
	return pass(text, value, 8, func(c byte) bool { return c > ' ' && c != '"' && c != '\'' && c != '`' && c != ';' })-value == 8
}

// pass is the index of the first byte, among up to limit, that does not fit.
func pass(text string, at, limit int, fits func(byte) bool) int {
	for end := min(len(text), at+limit); at < end && fits(text[at]); at++ {
	}
	return at
}

func isGap(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\'' || c == '"'
}
