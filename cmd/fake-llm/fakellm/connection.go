package fakellm

import (
	"bytes"
	"net"
	"strconv"
	"time"
)

// breakJSON cuts a frame in its middle, but keeps it a frame.
func breakJSON(data []byte) []byte {
	whole := bytes.TrimRight(data, "\r\n")
	return append(bytes.Clone(whole[:len(whole)*2/3]), data[len(whole):]...)
}

// broken makes a frame one that holds no JSON.
func (w *wire) broken(frame []byte) []byte {
	if w.breakFrame != nil {
		return w.breakFrame(frame)
	}
	return breakJSON(frame)
}

// write sends data, in pieces if the plan says so; false when the client is gone.
func (x *exchange) write(data []byte, content bool) bool {
	size := len(data)
	if x.plan.split.set {
		size = int(x.plan.split.n)
	}
	for len(data) > 0 {
		n := min(size, len(data))
		if content && !x.wait(x.plan.delay) {
			return false
		}
		if _, err := x.w.Write(data[:n]); err != nil {
			return false
		}
		data = data[n:]
		if x.plan.split.set && x.rc.Flush() != nil {
			return false
		}
	}
	return x.r.Context().Err() == nil
}

// wait lets time pass; false when the client is gone.
func (x *exchange) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// leave records that the client went away.
func (x *exchange) leave(status int) {
	x.record.Status, x.record.Outcome = status, Aborted
}

// tear breaks the connection without an ending; a reset says so to the peer's kernel.
func (x *exchange) tear(reset bool) {
	x.record.Outcome = Cut
	if !reset {
		// What was sent must arrive; a failed flush means the client is gone.
		_ = x.rc.Flush()
	}
	conn, _, err := x.rc.Hijack()
	if err != nil {
		return // no HTTP/1.1 connection: the response ends here
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// fail answers with an error in the vendor's shape, or the body the plan asks for instead.
func (x *exchange) fail(f *failure) {
	h := x.w.Header()
	x.wire.headers(&x.call, h)
	body := x.wire.fail(&x.call, f, h)
	x.tellLimits()
	h.Set("Content-Type", x.wire.json)
	switch {
	case x.plan.html:
		body = []byte(htmlError)
		h.Set("Content-Type", "text/html")
	case x.plan.empty:
		body = nil
	}
	status := x.wire.status(f)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.record.Status, x.record.Outcome = status, Errored
	x.w.WriteHeader(status)
	x.write(body, false)
}

// document answers with a body that the ledger does not count.
func (x *exchange) document(body []byte) {
	x.w.Header().Set("Content-Type", x.wire.json)
	x.write(body, false)
}
