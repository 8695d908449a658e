package main

import (
	"context"
	"errors"
	"fmt"
)

// stopList is what has been started, in that order. It is stopped in the
// opposite order, each part after all that use it.
type stopList struct {
	parts []part
}

type part struct {
	name string
	stop func(context.Context) error
}

func (l *stopList) push(name string, stop func(context.Context) error) {
	l.parts = append(l.parts, part{name, stop})
}

// stop stops every part, also after an error, and forgets them.
func (l *stopList) stop(ctx context.Context) error {
	var errs []error
	for i := len(l.parts) - 1; i >= 0; i-- {
		if err := l.parts[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", l.parts[i].name, err))
		}
	}
	l.parts = nil
	return errors.Join(errs...)
}
