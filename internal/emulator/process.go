package emulator

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// process is the function's process. It does not outlive the context of start.
type process struct {
	cmd    *exec.Cmd
	output *tail
	alive  context.Context // done once the process has exited
	kill   context.CancelFunc
	waited chan struct{}
}

// pipeGrace is how long the output may stay open once the process has exited.
const pipeGrace = 2 * time.Second

func start(ctx context.Context, o Options, platform []string) (*process, error) {
	alive, kill := context.WithCancel(ctx)
	p := &process{
		cmd:    exec.CommandContext(alive, o.Binary),
		output: &tail{also: o.Stderr},
		alive:  alive,
		kill:   kill,
		waited: make(chan struct{}),
	}
	p.cmd.Env = append(append([]string{}, platform...), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output // the same writer: os/exec copies both in one goroutine
	p.cmd.WaitDelay = pipeGrace
	if err := p.cmd.Start(); err != nil {
		kill()
		return nil, fmt.Errorf("emulator: cannot start the artefact: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // its error is in ProcessState
		close(p.waited)
		kill()
	}()
	return p, nil
}

// end kills the process if it still runs, as the platforms do.
func (p *process) end() (exit string, output []byte) {
	select {
	case <-p.waited:
		exit = p.how()
	default:
		exit = Ended
	}
	p.kill()
	<-p.waited
	return exit, p.output.bytes()
}

// how returns how the process exited by itself.
func (p *process) how() string {
	<-p.waited
	return p.cmd.ProcessState.String()
}

// exited returns the failure of an invocation during which the process exited.
func (p *process) exited(requestID string) *Failure {
	return &Failure{FailureExit, fmt.Sprintf("RequestId: %s Error: Runtime exited: %s", requestID, p.how())}
}

// maxOutput is how much of the end of a process's output a tail holds.
const maxOutput = 1 << 20

// tail holds the end of its input and passes all of it on. It is not safe for
// concurrent use.
type tail struct {
	also io.Writer
	end  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.end = append(t.end, p...)
	if len(t.end) > 2*maxOutput {
		t.end = append([]byte(nil), t.end[len(t.end)-maxOutput:]...)
	}
	if t.also != nil {
		_, _ = t.also.Write(p) // a failing writer must not stop the function
	}
	return len(p), nil
}

func (t *tail) bytes() []byte { return t.end[max(0, len(t.end)-maxOutput):] }
