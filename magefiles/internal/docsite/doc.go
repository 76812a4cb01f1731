// Package docsite handles a documentation site as files: the choice of its generator and the files for it, the dates of its pages,
// the parts of its output that differ between builds, its archive, and its pages as the container quartz serves them.
//
// It runs nothing and fetches nothing. It knows version 4.5.2 of Quartz (https://quartz.jzhao.xyz).
package docsite
