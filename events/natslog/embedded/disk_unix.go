//go:build linux || darwin

package embedded

import "syscall"

// freeBytes is what an unprivileged process may still write to dir's disk.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // Bsize has another type on darwin
}
