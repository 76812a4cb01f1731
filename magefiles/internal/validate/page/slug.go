package page

import (
	"strconv"
	"strings"
	"unicode"
)

// Slug is the anchor of a heading's text as GitHub, Quartz and most generators make it with github-slugger: lower case, letters, marks,
// digits, hyphens and what connects words, spaces as hyphens.
func Slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic):
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

// slugs makes each anchor of a page another one.
type slugs map[string]int

// next is the anchor of one more heading: what was there already gets -1, -2 and so on.
func (s slugs) next(heading string) string {
	base := Slug(heading)
	anchor := base
	for {
		if _, taken := s[anchor]; !taken {
			s[anchor] = 0
			return anchor
		}
		s[base]++
		anchor = base + "-" + strconv.Itoa(s[base])
	}
}
