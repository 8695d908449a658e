//go:build !linux

package main

import "syscall"

// dieWithParent is for Linux alone, and so is the bench: it reads /proc.
func dieWithParent(*syscall.SysProcAttr) {}
