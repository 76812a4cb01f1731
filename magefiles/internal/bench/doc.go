// Package bench measures what is claimed of speed and size, each time beside a named alternative in the same run:
//
//	go test -run '^$' -bench . -benchtime 15x ./magefiles/internal/bench
//	go test -run '^$' -bench FreshClone -benchtime 1x -timeout 30m ./magefiles/internal/bench -fresh
//
// Times are those of whole processes, in turn: mage, the alternative, mage, … A figure is the median, with the smallest and the
// largest beside it; ratio is the median of the pairs' ratios. There is no figure that a benchmark fails for: docs/explanation/speed.md quotes them.
package bench
