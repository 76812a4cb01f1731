// Package internal holds no code: its test keeps the packages below it to their places.
package internal
