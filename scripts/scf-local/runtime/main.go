// Command runtime is the entry point of the image that scripts/scf-local.sh makes for
// `scf local invoke`. It runs the function of SCF's runtime Go1 that the CLI mounts, with
// the variables that the CLI sets, under the emulated runtime, and prints the answer.
//
//	runtime HANDLER
//
// Both clouds listen on 127.0.0.1:9090 as simulators: a container reaches no other
// loopback, and a function asks by http:// only there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"partnerlens/internal/emulator"
	"partnerlens/internal/simulator"
)

const (
	codeFolder = "/var/user" // where the CLI mounts the template's CodeUri
	clouds     = "127.0.0.1:9090"
	customers  = 60 // as in the golden answers
)

// startDelay is how long the container waits before it writes anything. The CLI starts it and
// then attaches to it: what is written before that can be lost, since the CLI reads past
// what came together with the head of the engine's answer, and the CLI waits for a container
// that has exited before it until the function's time limit.
const startDelay = 3 * time.Second

func main() {
	time.Sleep(startDelay)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: runtime HANDLER")
	}
	var variables map[string]string
	if err := json.Unmarshal([]byte(os.Getenv("SCF_FUNCTION_ENVIRON")), &variables); err != nil {
		return fmt.Errorf("SCF_FUNCTION_ENVIRON: %w", err)
	}
	timeout, err := strconv.Atoi(os.Getenv("SCF_FUNCTION_TIMEOUT"))
	if err != nil {
		return fmt.Errorf("SCF_FUNCTION_TIMEOUT: %w", err)
	}

	sim, err := simulator.New(simulator.Options{Customers: customers})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", clouds)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = simulator.Serve(ctx, ln, sim) }()

	result, err := emulator.SCF(ctx, emulator.Options{
		Binary:      filepath.Join(codeFolder, os.Args[1]),
		Name:        os.Getenv("SCF_FUNCTION_NAME"),
		Timeout:     time.Duration(timeout) * time.Second,
		Stderr:      os.Stderr,
		Invocations: []emulator.Invocation{{Event: []byte(os.Getenv("SCF_EVENT_BODY")), Env: variables}},
	})
	if err != nil {
		return err
	}
	if failure := result.Answers[0].Failure; failure != nil {
		return errors.New(failure.Message) // starts with the code
	}
	_, err = fmt.Printf("%s\n", result.Answers[0].Payload)
	return err
}
