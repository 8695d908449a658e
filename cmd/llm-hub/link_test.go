package main_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A link is the way to a store: it can be cut, go silent and be slow.
type link struct {
	to       string
	listener net.Listener

	mu    sync.Mutex
	state linkState
	moved chan struct{} // closed when state changes
	conns map[net.Conn]bool
}

type linkState int

const (
	up     linkState = iota
	slow             // each piece takes a moment
	silent           // nothing gets through, and nobody is told
	cut              // connections end, and new ones at once
)

// What a slow link does to each piece.
const (
	slowPiece = 4 << 10
	slowPause = 10 * time.Millisecond
)

// startLink begins a way to an address of TCP, until the test ends.
func startLink(t *testing.T, to string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{to: to, listener: listener, moved: make(chan struct{}), conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		listener.Close()
		l.turn(cut)
	})
	go l.accept()
	return l
}

func (l *link) addr() string { return l.listener.Addr().String() }

// turn changes what the link does, for what is under way as well.
func (l *link) turn(s linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	close(l.moved)
	l.moved = make(chan struct{})
	if s == cut {
		for c := range l.conns {
			c.Close()
		}
	}
}

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.connect(near)
	}
}

func (l *link) connect(near net.Conn) {
	defer near.Close()
	if !l.keep(near) {
		return
	}
	defer l.forget(near)
	far, err := net.Dial("tcp", l.to)
	if err != nil || !l.keep(far) {
		return
	}
	defer l.forget(far)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.carry(far, near)
	}()
	l.carry(near, far)
	near.Close()
	far.Close()
	<-done
}

func (l *link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == cut {
		c.Close()
		return false
	}
	l.conns[c] = true
	return true
}

func (l *link) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Close()
	delete(l.conns, c)
}

// carry takes what comes from one end to the other, as the state allows.
func (l *link) carry(to, from net.Conn) {
	piece := make([]byte, slowPiece)
	for {
		n, err := from.Read(piece)
		l.pass()
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits as long as a piece may not go on.
func (l *link) pass() {
	for {
		l.mu.Lock()
		state, moved := l.state, l.moved
		l.mu.Unlock()
		switch state {
		case silent:
			<-moved
		case slow:
			<-time.After(slowPause)
			return
		default:
			return
		}
	}
}
