//go:build !linux && !darwin

package embedded

import "errors"

// freeBytes cannot tell on this platform.
func freeBytes(string) (int64, error) {
	return 0, errors.New("cannot be told on this platform, configure MaxBytes")
}
