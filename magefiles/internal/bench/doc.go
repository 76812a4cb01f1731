// Package bench measures the speed and size that the documentation claims, each time compared with a named alternative in the same run:
//
//	go test -run '^$' -bench . -benchtime 15x ./magefiles/internal/bench
//	go test -run '^$' -bench FreshClone -benchtime 1x -timeout 30m ./magefiles/internal/bench -fresh
//	go test -run '^$' -bench Builders -benchtime 1x ./magefiles/internal/bench -builders
//
// Times are those of whole processes, in turn: mage, the alternative, mage, … A figure is the median, with the smallest and the largest; ratio is
// the median of the pairs' ratios. No figure makes a benchmark fail; docs/explanation/speed.md quotes them.
package bench
