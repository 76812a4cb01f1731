package page

import (
	"strconv"
	"strings"
	"unicode"
)

// Slug is the anchor of a heading's text as GitHub, Quartz and most generators make it with github-slugger: lower case; letters, marks,
// digits, hyphens and connector punctuation are kept; spaces become hyphens.
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

// slugs makes the anchors of a page unique.
type slugs map[string]int

// next is the anchor of the next heading: a repeated one gets -1, -2 and so on.
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
