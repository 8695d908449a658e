package embedded

import "time"

// How a store is made to write again.
const (
	defaultHealEvery = 2 * time.Second
	healMaxPause     = time.Minute
	healSick         = 2 // looks in a row that must find it so
	healFree         = 64 << 20
)

// heal restarts the nats-server when it does not write any more and the disk has
// space: after one write that failed, as on a full disk, a stream refuses
// everything until it is opened again. What was acknowledged is on disk, and
// clients connect again by themselves.
func (s *Server) heal(every time.Duration) {
	defer close(s.done)
	pause, sick := every, 0
	for s.wait(pause) {
		err := s.Healthy()
		if err == nil {
			pause, sick = every, 0
			continue
		}
		free, statErr := freeBytes(s.opts.StoreDir)
		if sick++; sick < healSick || statErr == nil && free < healFree {
			continue
		}
		s.log.Warn("the embedded log does not write, restarting it", "error", err)
		s.shutdown()
		if err := s.start(); err != nil {
			s.log.Error("the embedded log does not start again", "error", err)
		}
		pause, sick = min(2*pause, healMaxPause), 0
	}
}

// wait is false when the server is closed meanwhile.
func (s *Server) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop:
		return false
	}
}
