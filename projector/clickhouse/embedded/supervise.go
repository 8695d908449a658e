package embedded

import (
	"context"
	"runtime"
	"time"
)

// How a child that dies is restarted: after a pause that doubles with every failure and begins anew once a child has
// served for stableAfter.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	stableAfter  = 30 * time.Second
	readyWithin  = 60 * time.Second // a big data directory on a busy machine takes its time
)

// supervise keeps a child running until stopping ends, and reports on first how the first start went. When killing ends
// the child is not given time.
func (e *Engine) supervise(stopping, killing context.Context, first chan<- error) {
	// The kernel kills the child when the thread that started it ends, so that thread must live as long as the child.
	runtime.LockOSThread()
	defer close(e.done)
	defer e.listener.Close()
	if !e.runOnce(stopping, killing, first) {
		return
	}
	for pause := firstPause; wait(stopping, pause); pause = min(2*pause, longestPause) {
		e.update(func(s *State) { s.Restarts++ })
		started := time.Now()
		e.runOnce(stopping, killing, nil)
		if time.Since(started) > stableAfter {
			pause = firstPause / 2
		}
	}
}

// runOnce starts a child and waits for its end. It returns whether the child came to serve.
func (e *Engine) runOnce(stopping, killing context.Context, first chan<- error) bool {
	child, err := e.spawn()
	if err == nil {
		e.update(func(s *State) { s.PID = child.pid() })
		err = child.awaitReady(stopping, readyWithin)
	}
	if first != nil {
		first <- err
	}
	if err == nil {
		e.update(func(s *State) { s.Running, s.Version = true, child.version })
		e.cfg.Logger.Info("clickhouse engine serves", "version", child.version, "pid", child.pid(), "addr", e.access.Addr)
	}
	exit := "not started"
	if child != nil {
		exit = child.awaitExit(stopping, killing)
	}
	e.update(func(s *State) { s.Running, s.PID, s.LastExit = false, 0, exit })
	switch {
	case err != nil:
		e.cfg.Logger.Error("clickhouse engine did not start", "error", err)
	case stopping.Err() == nil:
		e.cfg.Logger.Error("clickhouse engine died and is started again", "exit", exit)
	}
	return err == nil
}

// wait pauses; it returns false when the engine is to stop.
func wait(stopping context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stopping.Done():
		return false
	}
}
