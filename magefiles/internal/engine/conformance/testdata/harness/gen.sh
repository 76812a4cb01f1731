#!/bin/bash
# regenerate registry.go from scen_*.go
cd "$(dirname "$0")"
{ echo "package main"; echo; echo "var scenarios = []Scenario{"
for f in scen_*.go; do g=$(echo $f | sed 's/^scen_[0-9]*_//; s/\.go$//; s/_second$//; s/_/-/g')
 grep -oE '^func s_[a-zA-Z0-9_]+' $f | sed 's/^func s_//' | while read n; do echo "	{\"$n\", \"$g\", s_$n},"; done
done; echo "}"; } > registry.go
