// Package disk measures the free space of disks.
package disk
