package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// floorCommand is the hidden subcommand that runs the floor.
const floorCommand = "floor"

const floorReady = "floor listening on "

// floorIdle is how many idle connections the floor keeps to the vendor: more than there are
// clients, because the default of two would measure connecting.
const floorIdle = 256

// runFloor is the least a gateway can do in Go: httputil.ReverseProxy without any feature. It
// runs until ctx or standard input ends.
func runFloor(ctx context.Context, args []string, std streams) error {
	flags := flag.NewFlagSet("llm-bench "+floorCommand, flag.ContinueOnError)
	flags.SetOutput(std.err)
	upstream := flags.String("upstream", "", "`URL` of the vendor")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	to, err := url.Parse(*upstream)
	if err != nil || to.Host == "" {
		return usageError{fmt.Errorf("flag -upstream: %q is not a URL", *upstream)}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	server := &http.Server{Handler: floorHandler(to), ReadHeaderTimeout: time.Minute}
	fmt.Fprintf(std.out, "%shttp://%s\n", floorReady, listener.Addr())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = server.Close() }) // requests in flight are nobody's any more
	go func() {
		_, _ = io.Copy(io.Discard, std.in) // an error is an end too
		cancel()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

func floorHandler(to *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: floorIdle},
	}
}
