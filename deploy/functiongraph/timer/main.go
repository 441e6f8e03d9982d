// Command timer is the bootstrap of a FunctionGraph event function with a custom runtime;
// HTTP functions accept no timers. It fetches an event from FunctionGraph's runtime API,
// passes it to the Lambda artefact in the same package, which decodes FunctionGraph's timer
// events, and returns the answer.
//
// The two runtime APIs differ only in names ("Custom Runtime", FunctionGraph Developer
// Guide; "Using the Lambda runtime API for custom runtimes"; both read November 2026), so it
// translates names and decodes no events. A process of the artefact serves one event: the
// keys of the function's agency come with each and are set in its environment. The command
// imports no package of this module, and none imports it.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	here, err := os.Executable()
	if err == nil {
		err = run(context.Background(), os.Getenv("RUNTIME_API_ADDR"), filepath.Dir(here))
	}
	fmt.Fprintln(os.Stderr, "bootstrap:", err)
	os.Exit(1)
}

// run serves events until FunctionGraph ends the process, or its API fails.
func run(ctx context.Context, api, folder string) error {
	if api == "" {
		return errors.New("RUNTIME_API_ADDR is not set: this is for a FunctionGraph event function with a custom runtime")
	}
	artefact, err := beside(folder)
	if err != nil {
		return err
	}
	platform := "http://" + api + "/v1/runtime/invocation/"
	for {
		event, err := next(ctx, platform)
		if err != nil {
			return err
		}
		kind := "response"
		answer, err := event.invoke(ctx, artefact)
		if err != nil {
			kind, answer = "error", failure(err)
		}
		if err := post(ctx, platform+kind+"/"+event.id, answer); err != nil {
			return err
		}
	}
}

// beside finds the artefact.
func beside(folder string) (string, error) {
	for _, name := range []string{"credit", "tags"} {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither credit nor tags is in the package")
}

// event is one invocation.
type event struct {
	id   string
	body []byte
	keys []string // of the function's agency, as K=V
}

const maxEvent = 6 << 20 // FunctionGraph's bound, "Notes and Constraints"

// next waits for an event, without a deadline.
func next(ctx context.Context, platform string) (event, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, platform+"request", nil)
	if err != nil {
		return event{}, err
	}
	answer, err := http.DefaultTransport.RoundTrip(request) // without redirects
	if err != nil {
		return event{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxEvent+1))
	switch {
	case err != nil:
		return event{}, err
	case answer.StatusCode != http.StatusOK:
		return event{}, fmt.Errorf("the runtime API answers %s", answer.Status)
	case len(body) > maxEvent:
		return event{}, errors.New("an event over 6 MiB")
	}
	e := event{id: answer.Header.Get("X-Cff-Request-Id"), body: body}
	if e.id == "" {
		return event{}, errors.New("an event without X-Cff-Request-Id")
	}
	e.keys = agencyKeys(answer.Header)
	return e, nil
}

// agencyKeys are the agency's temporary key as the SDK's environment variables. The guide of
// custom runtimes names the headers without Security, that of HTTP functions with it; an
// incomplete key is ignored.
func agencyKeys(header http.Header) []string {
	first := func(names ...string) string { return cmp.Or(header.Get(names[0]), header.Get(names[1])) }
	access := first("X-Cff-Security-Access-Key", "X-Cff-Access-Key")
	secret := first("X-Cff-Security-Secret-Key", "X-Cff-Secret-Key")
	if access == "" || secret == "" {
		return nil
	}
	return []string{"HUAWEICLOUD_SDK_AK=" + access, "HUAWEICLOUD_SDK_SK=" + secret,
		"HUAWEICLOUD_SDK_SECURITY_TOKEN=" + header.Get("X-Cff-Security-Token")}
}

// answer is the artefact's answer to an event.
type answer struct {
	body   []byte
	failed bool
}

// errFailed has the artefact's description of a failure, which is JSON.
type errFailed struct{ body []byte }

func (errFailed) Error() string { return "the function failed" }

// invoke starts the artefact, serves it the event over Lambda's runtime API, and stops it after
// its answer.
func (e event) invoke(ctx context.Context, artefact string) ([]byte, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit(os.Getenv))
	defer cancel()
	answers := make(chan answer, 1)
	server := &http.Server{Handler: e.lambda(ctx, answers), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	process := exec.CommandContext(ctx, artefact)
	process.Env = append(append(os.Environ(), e.keys...), "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String()) // os/exec uses the last of a name
	process.Stdout, process.Stderr = os.Stdout, os.Stderr
	process.WaitDelay = time.Second
	if err := process.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		err = process.Wait()
		close(exited)
	}()
	select {
	case answer := <-answers:
		cancel()
		<-exited
		if answer.failed {
			return nil, errFailed{answer.body}
		}
		return answer.body, nil
	case <-exited:
		if ctx.Err() != nil {
			return nil, errors.New("the time limit passed")
		}
		return nil, fmt.Errorf("the function exited: %w", err)
	}
}

// lambda is Lambda's runtime API with one event.
func (e event) lambda(ctx context.Context, answers chan<- answer) http.Handler {
	const prefix = "/2018-06-01/runtime/"
	once := make(chan struct{}, 1)
	once <- struct{}{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-once:
		case <-ctx.Done(): // there is no second one
			return
		}
		deadline, _ := ctx.Deadline()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", e.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(e.body)
	})
	receive := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
			w.WriteHeader(http.StatusAccepted)
			select {
			case answers <- answer{body, failed || err != nil}:
			default: // one answer counts
			}
		}
	}
	mux.Handle("POST "+prefix+"invocation/{id}/response", receive(false))
	mux.Handle("POST "+prefix+"invocation/{id}/error", receive(true))
	mux.Handle("POST "+prefix+"init/error", receive(true))
	return mux
}

// limit is the function's timeout, less the time to return the answer. Without
// RUNTIME_TIMEOUT, which FunctionGraph sets, it is the longest possible.
func limit(getenv func(string) string) time.Duration {
	seconds, err := strconv.Atoi(getenv("RUNTIME_TIMEOUT"))
	if err != nil || seconds <= 1 {
		seconds = 900
	}
	return time.Duration(seconds)*time.Second - 500*time.Millisecond
}

// failure is the error for FunctionGraph: the artefact's own, or one of this command.
func failure(err error) []byte {
	var failed errFailed
	if errors.As(err, &failed) && len(failed.body) > 0 {
		return failed.body
	}
	return []byte(`{"errorType":"internal","errorMessage":` + strconv.Quote(err.Error()) + `}`)
}

func post(ctx context.Context, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode >= 300 {
		return fmt.Errorf("the runtime API answers %s to an answer", answer.Status)
	}
	return nil
}
