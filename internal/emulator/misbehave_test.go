package emulator

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"strings"
	"testing"
)

// misbehave turns the test binary into a function that breaks its platform's rules,
// over the bare protocol: the platforms' libraries would keep them.
func misbehave(how string) bool {
	if how == "" {
		return false
	}
	if port := os.Getenv("_LAMBDA_SERVER_PORT"); port != "" {
		misbehaveOnSCF(how, port)
	} else {
		misbehaveOnLambda(how, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/")
	}
	return true
}

func misbehaveOnLambda(how, api string) {
	post := func(path string, body []byte) {
		resp, err := http.Post(api+path, "application/json", bytes.NewReader(body))
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	if how == "init" {
		post("init/error", []byte(`{"errorType":"No.Key","errorMessage":"the key is missing"}`))
		return
	}
	resp, err := http.Get(api + "invocation/next")
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	switch how {
	case "large":
		post("invocation/"+id+"/response", make([]byte, maxPayload+1))
	case "error":
		post("invocation/"+id+"/error", []byte("not JSON"))
	case "stranger":
		post("invocation/stranger/response", []byte(`"not mine"`))
		post("invocation/"+id+"/response", []byte(`"mine"`))
	}
}

func misbehaveOnSCF(how, port string) {
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return
	}
	if err := rpc.RegisterName("Function", &badFunction{how}); err != nil {
		return
	}
	rpc.Accept(ln)
}

type badFunction struct{ how string }

// net/rpc wants exported types, and encoding/gob goes by their fields.
type (
	Ping   struct{}
	Invoke struct{ Payload []byte }
	Reply  invokeResponse
)

func (*badFunction) Ping(*Ping, *Ping) error { return nil }

func (f *badFunction) Invoke(_ *Invoke, reply *Reply) error {
	switch f.how {
	case "large":
		reply.Payload = make([]byte, maxSCFPayload+1)
	case "error":
		reply.Error = &invokeError{Type: "fatal", Message: "it is over", ShouldExit: true}
	case "stranger":
		return fmt.Errorf("not the protocol")
	}
	return nil
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		platform int // in platforms
		how      string
		failure  Failure
	}{
		{0, "large", Failure{FailureTooLarge, "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}},
		{0, "error", Failure{"Runtime.UnknownReason", "the error is not JSON"}},
		{1, "large", Failure{FailureTooLarge, "an answer of 6291457 bytes; the limit of SCF is 6291456"}},
		{1, "error", Failure{"fatal", "it is over"}},
		{1, "stranger", Failure{FailureExit, "not the protocol"}},
	} {
		p := platforms[test.platform]
		t.Run(p.name+" "+test.how, func(t *testing.T) {
			t.Parallel()
			result, err := p.run(t.Context(), Options{Binary: os.Args[0], Env: []string{"MISBEHAVE=" + test.how}, Invocations: events(`{}`)})
			if err != nil || len(result.Answers) != 1 {
				t.Fatalf("%d answers, %v; output:\n%s", len(result.Answers), err, result.Output)
			}
			if got := result.Answers[0].Failure; got == nil || *got != test.failure {
				t.Errorf("failed with %v, want %v", got, test.failure)
			}
		})
	}
}

func TestAnswersOfOthersAreNotTaken(t *testing.T) {
	t.Parallel()
	result, err := Lambda(t.Context(), Options{Binary: os.Args[0], Env: []string{"MISBEHAVE=stranger"}, Invocations: events(`{}`)})
	if err != nil || len(result.Answers) != 1 || string(result.Answers[0].Payload) != `"mine"` {
		t.Errorf("answers %+v, %v, want the one of the invocation", result.Answers, err)
	}
}

func TestInitError(t *testing.T) {
	t.Parallel()
	_, err := Lambda(t.Context(), Options{Binary: os.Args[0], Env: []string{"MISBEHAVE=init"}, Invocations: events(`{}`)})
	if err == nil || !strings.Contains(err.Error(), "No.Key: the key is missing") {
		t.Errorf("error = %v, want the function's own", err)
	}
}
