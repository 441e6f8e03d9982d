package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// maxSCFPayload is SCF's bound on a synchronous event and on its answer: 6 MB
// ("Quota Management", November 2026), here 6 MiB.
const maxSCFPayload = 6 << 20

// SCF runs an artefact for SCF's runtime Go1: a net/rpc server with the methods
// Function.Ping and Function.Invoke (scf-go-lib, cloudfunction, version
// 13c9a7eeca80). The error is about the emulation; the function's own failures are
// in the Result.
func SCF(ctx context.Context, opts Options) (Result, error) {
	o := opts.withDefaults()
	for _, invocation := range o.Invocations {
		if len(invocation.Event) > maxSCFPayload {
			return Result{}, fmt.Errorf("emulator: an event of %d bytes; the limit of SCF is %d", len(invocation.Event), maxSCFPayload)
		}
	}
	port, err := freePort()
	if err != nil {
		return Result{}, fmt.Errorf("emulator: %w", err)
	}
	s := &scfRuntime{options: o, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	defer s.close()
	return run(ctx, o, scfVariables(o, port), s.ready, s.invoke)
}

// scfVariables returns the variables of a process on SCF ("Environment Variables",
// Environment variables built in the system). Others come with each invocation.
func scfVariables(o Options, port int) []string {
	return []string{
		"_LAMBDA_SERVER_PORT=" + strconv.Itoa(port),
		"SCF_RUNTIME=Go1",
		"TENCENTCLOUD_RUNENV=SCF",
		"USER_CODE_ROOT=/var/user/",
		"SCF_FUNCTIONNAME=" + o.Name,
		"LANG=en_US.UTF8",
	}
}

// freePort returns a port for the process, which cannot choose its own. If another
// process binds the port first, the artefact exits with a message.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

type scfRuntime struct {
	options Options
	address string
	client  *rpc.Client
}

func (s *scfRuntime) close() {
	if s.client != nil {
		_ = s.client.Close()
	}
}

// dialEvery is the interval between attempts to connect to a starting process.
const dialEvery = 2 * time.Millisecond

// ready waits until the process answers Function.Ping.
func (s *scfRuntime) ready(ctx context.Context) error {
	ticker := time.NewTicker(dialEvery)
	defer ticker.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.address)
		if err == nil {
			s.client = rpc.NewClient(conn)
			return s.call(ctx, "Function.Ping", &pingRequest{}, &pingResponse{})
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}

func (s *scfRuntime) call(ctx context.Context, method string, args, reply any) error {
	call := s.client.Go(method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scfRuntime) invoke(ctx context.Context, p *process, i Invocation) (Answer, bool) {
	limit := s.options.Timeout
	inTime, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline, _ := inTime.Deadline()
	answer := Answer{RequestID: newRequestID()}
	environment := "" // none
	if len(i.Env) > 0 {
		text, err := json.Marshal(i.Env)
		if err != nil {
			answer.Failure = &Failure{"Emulator.Environment", err.Error()}
			return answer, false
		}
		environment = string(text)
	}
	var reply invokeResponse
	err := s.call(inTime, "Function.Invoke", &invokeRequest{
		Payload:               i.Event,
		RequestId:             answer.RequestID,
		Deadline:              timestamp{deadline.Unix(), int64(deadline.Nanosecond())},
		InvokedFunctionUnique: "lam-example1",
		Namespace:             "default",
		FunctionName:          s.options.Name,
		FunctionVersion:       "$LATEST",
		MemoryLimitInMb:       256,
		TimeLimitInMs:         int32(limit.Milliseconds()),
		Environment:           environment,
		TencentcloudRegion:    "ap-singapore",
		TencentcloudAppID:     "1250000000",
		TencentcloudUin:       "100000000001",
	}, &reply)
	switch {
	case err == nil && reply.Error != nil:
		answer.Failure = &Failure{reply.Error.Type, reply.Error.Message}
		return answer, reply.Error.ShouldExit
	case err == nil && len(reply.Payload) > maxSCFPayload:
		answer.Failure = &Failure{FailureTooLarge, fmt.Sprintf("an answer of %d bytes; the limit of SCF is %d", len(reply.Payload), maxSCFPayload)}
		return answer, false
	case err == nil:
		answer.Payload = reply.Payload
		return answer, false
	case ctx.Err() != nil:
		answer.Failure = p.exited(answer.RequestID)
		return answer, true
	case errors.Is(err, context.DeadlineExceeded):
		answer.Failure = timedOut(limit)
		return answer, true
	}
	var failure rpc.ServerError
	if errors.As(err, &failure) {
		answer.Failure = &Failure{FailureExit, string(failure)}
		return answer, true
	}
	// The connection broke: the process is exiting, or broke the protocol.
	<-inTime.Done()
	if ctx.Err() != nil {
		answer.Failure = p.exited(answer.RequestID)
	} else {
		answer.Failure = &Failure{FailureExit, "the connection to the process broke"}
	}
	return answer, true
}

// The messages of SCF's protocol have the names of the fields in scf-go-lib's
// cloudfunction/messages, which encoding/gob goes by. Fields that the emulator does
// not use are left out.

type pingRequest struct{}

type pingResponse struct{}

type timestamp struct {
	Seconds int64
	Nanos   int64
}

type invokeRequest struct {
	Payload               []byte
	RequestId             string
	Deadline              timestamp
	InvokedFunctionUnique string
	Namespace             string
	FunctionName          string
	FunctionVersion       string
	MemoryLimitInMb       int32
	TimeLimitInMs         int32
	Environment           string
	TencentcloudRegion    string
	TencentcloudAppID     string
	TencentcloudUin       string
}

type invokeResponse struct {
	Payload []byte
	Error   *invokeError
}

type invokeError struct {
	Message    string
	Type       string
	ShouldExit bool
}
