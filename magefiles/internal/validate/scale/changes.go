package scale

import (
	"fmt"
	"strings"
)

// workflows are Forgejo workflows, and the magefile with the targets that they name.
func workflows(s Size, give func(path, text string)) {
	for i := range s.Workflows {
		give(fmt.Sprintf(".forgejo/workflows/job-%04d.yaml", i), strings.ReplaceAll(workflow, "NUMBER", fmt.Sprint(i)))
	}
	give("magefiles/magefile.go", magefile)
}

const workflow = `name: Job NUMBER
on:
  push:
    branches: [main]
    paths:
      - containers/**
      - argocd/**
  workflow_dispatch:
    inputs:
      name:
        description: folder below containers/
        required: true
jobs:
  check:
    runs-on: docker
    steps:
      - name: Check out
        env:
          TOKEN: ${{ github.token }}
        run: |
          git init --quiet .
          git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
          git fetch --quiet origin
          git checkout --quiet --detach "$GITHUB_SHA"
      - name: Validate
        run: mage validate
  publish:
    needs: check
    runs-on: docker
    if: github.event_name == 'workflow_dispatch'
    strategy:
      matrix:
        platform: [linux/amd64, linux/arm64]
    steps:
      - name: Publish
        env:
          NAME: ${{ inputs.name }}
          PLATFORM: ${{ matrix.platform }}
        run: |
          for attempt in 1 2 3; do
            echo "attempt $attempt for $PLATFORM"
            mage publish "$NAME" && break
          done
`

const magefile = `//go:build mage

package main

import "fmt"

// Validate looks at everything.
func Validate() { fmt.Println("validate") }

// Publish publishes an image.
func Publish(name string) { fmt.Println(name) }
`

// changes are fragments and their changelog.
func changes(s Size, give func(path, text string)) {
	types := []string{"feature", "bugfix", "infra", "doc", "misc"}
	for i := range s.Fragments {
		give(fmt.Sprintf("%s/changelog.d/+change-%05d.%s.md", Docs, i, types[i%len(types)]), paragraph(random("fragment", i), 2)+"\n")
	}
	give("towncrier.toml", towncrier)
	give(".markdownlint.yaml", markdownlint)
	var b strings.Builder
	b.WriteString("# Changelog\n\nWhat changed, newest first.\n\n<!-- towncrier release notes start -->\n")
	for i := s.Fragments; i > 0; i-- {
		fmt.Fprintf(&b, "\n## [v1.%d.0] - 2026-%02d-%02d\n\n### Features\n\n", i, 1+min(i/28, 9), 1+i%28)
		r := random("section", i)
		for range 5 {
			b.WriteString("- " + wrap(sentence(r), "  ") + "\n")
		}
	}
	give("CHANGELOG.md", b.String())
}

const towncrier = `[tool.towncrier]
directory = "docs/changelog.d"
filename = "CHANGELOG.md"
package = ""
title_format = "## [{version}] - {project_date}"
issue_format = ""
underlines = ["", "", ""]

[[tool.towncrier.type]]
directory = "feature"
name = "Features"
showcontent = true

[[tool.towncrier.type]]
directory = "bugfix"
name = "Bug Fixes"
showcontent = true

[[tool.towncrier.type]]
directory = "infra"
name = "Infrastructure"
showcontent = true

[[tool.towncrier.type]]
directory = "doc"
name = "Documentation"
showcontent = true

[[tool.towncrier.type]]
directory = "misc"
name = "Miscellaneous"
showcontent = true
`

// markdownlint is the settings of the Markdown rules, here and for markdownlint-cli2: all rules except those that frontmatter, long table
// rows and changelogs violate.
const markdownlint = `MD013: false
MD024:
  siblings_only: true
MD025:
  front_matter_title: ""
MD041: false
`
