// Command probe is a function that follows the order in its payload, for the tests of the
// runtimes and of their emulation.
package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/host"
	"partnerlens/pkg/core"
)

type order struct {
	Do    string   `json:"do"`
	Names []string `json:"names"` // of variables
	Size  int      `json:"size"`
}

type state struct {
	Trigger   string            `json:"trigger"`
	ID        string            `json:"id"`
	PID       int               `json:"pid"`
	Env       map[string]string `json:"env"`
	LeftMS    int64             `json:"left_ms"`
	RequestID string            `json:"request_id,omitempty"`
}

func main() {
	os.Exit(host.Run(host.Options{
		Name:    "probe",
		HTTP:    http.HandlerFunc(serve),
		Job:     job,
		Prepare: func() { slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("prepared") },
	}))
}

func job(ctx context.Context, job host.Job) ([]byte, error) {
	var o order
	if job.Payload != nil {
		if err := json.Unmarshal(job.Payload, &o); err != nil {
			return nil, core.Invalid("do", "not an order")
		}
	}
	t := state{Trigger: job.Trigger, ID: job.ID, PID: os.Getpid(), Env: map[string]string{}}
	for _, name := range o.Names {
		t.Env[name] = os.Getenv(name)
	}
	if o.Names == nil {
		for _, variable := range os.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			t.Env[name] = value
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		t.LeftMS = time.Until(deadline).Milliseconds()
	}
	switch o.Do {
	case "panic":
		panic("customer 200000000003 owes 12.00")
	case "fail":
		return nil, &core.Error{Code: core.CodeDenied, Detail: "the key has no right to ask", Err: io.ErrUnexpectedEOF}
	case "wait":
		<-ctx.Done()
		return nil, core.AsError(ctx.Err())
	case "hang":
		select {}
	case "exit":
		os.Exit(3)
	case "fill":
		return []byte(`"` + strings.Repeat("x", o.Size) + `"`), nil
	}
	return json.Marshal(t)
}

func serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/panic":
		panic("customer 200000000003 owes 12.00")
	case "/wait": // until the server stops
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, state{Trigger: r.Method + " " + r.RequestURI, PID: os.Getpid(), RequestID: r.Header.Get("X-Request-Id")})
}
