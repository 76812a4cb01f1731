// Package website is about a site of documentation as files: which generator makes it and what that one is given, its pages' dates,
// what of its output does not repeat, its archive, and its pages as the container quartz serves them.
//
// It runs nothing and fetches nothing. What it knows of Quartz is that of version 4.5.2 (https://quartz.jzhao.xyz).
package website
