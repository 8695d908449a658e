//go:build linux && amd64 && !noengine

package embedded

const supported = true
