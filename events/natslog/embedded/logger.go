package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// logger gives the server's words to slog. Unlike the server's own it never ends
// the process: a fatal error is kept for [Start] to return.
type logger struct {
	to *slog.Logger

	mu                   sync.Mutex
	lastError, lastFatal error
}

func (l *logger) Noticef(format string, v ...any) { l.to.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Warnf(format string, v ...any)   { l.to.Warn(fmt.Sprintf(format, v...)) }
func (l *logger) Debugf(format string, v ...any)  { l.to.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Tracef(string, ...any)           {}

func (l *logger) Errorf(format string, v ...any) { l.keep(fmt.Sprintf(format, v...), false) }
func (l *logger) Fatalf(format string, v ...any) { l.keep(fmt.Sprintf(format, v...), true) }

func (l *logger) keep(msg string, fatal bool) {
	l.to.Error(msg)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastError = errors.New(msg)
	if fatal {
		l.lastFatal = l.lastError
	}
}

// fatal is the last error that stopped the server.
func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastFatal
}

// last is the last error of any kind, never nil.
func (l *logger) last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lastError == nil {
		return errors.New("none")
	}
	return l.lastError
}
