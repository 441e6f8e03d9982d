package simulator

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Serve answers on ln until ctx ends, then closes s, gives the calls in progress
// two seconds to finish, and returns nil. No goroutine outlives it.
func Serve(ctx context.Context, ln net.Listener, s *Simulator) error {
	server := &http.Server{
		Handler: s,
		// Only the header has a limit: one for the whole request would end a
		// call that the fault hang holds.
		ReadHeaderTimeout: 10 * time.Second,
		// Tencent's servers keep an idle connection for 60 s.
		IdleTimeout: time.Minute,
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.Close()
		grace, release := context.WithTimeout(context.Background(), 2*time.Second)
		defer release()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(ln)
	cancel()
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
