package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

type simulateCmd struct {
	Listen    string        `default:"127.0.0.1:0" help:"Address to listen on; port 0 is a free one."`
	Customers int           `default:"1000" help:"Number of customers of each cloud."`
	Seed      uint64        `default:"1" help:"Seed of the customers and of the moments of faults."`
	Day       int           `default:"0" help:"Day of the customers' lives, 0 to 2: from day to day some join, leave, use up their credit, or are topped up, stopped or freed."`
	Rate      int           `help:"Refuse more than this many calls a second; 0: no limit."`
	Counting  string        `enum:"sliding,sliding-all,fixed" default:"sliding" help:"How calls are counted: sliding second, sliding second including refused calls, or fixed second."`
	Latency   time.Duration `help:"Latency of each answer, such as 80ms."`
	PageMax   int           `help:"Largest page; 0: 100 on Tencent Cloud, 200 on Huawei Cloud."`
	Fault     []string      `help:"A fault by name; repeatable. An unknown name lists all."`
	Secrets   string        `type:"path" placeholder:"FILE" help:"Contents of the secret stores: a JSON object from name to text."`
	TLS       string        `type:"path" placeholder:"DIR" help:"Serve HTTPS with a certificate created in this folder; trust its ca.pem."`
	PrintEnv  bool          `help:"Print the variables that point the functions at it."`
}

var countings = map[string]simulator.RateCounting{
	"sliding":     simulator.SlidingSecond,
	"sliding-all": simulator.SlidingSecondRefusals,
	"fixed":       simulator.FixedSecond,
}

// Run simulates until it is interrupted.
func (c *simulateCmd) Run(ctx context.Context, std streams) error {
	if c.Latency < 0 {
		return core.Invalid("--latency", "must not be negative")
	}
	secrets, err := readSecrets(c.Secrets)
	if err != nil {
		return err
	}
	sim, err := simulator.New(simulator.Options{
		Customers: c.Customers, Seed: c.Seed, Day: c.Day, Rate: c.Rate, RateCounting: countings[c.Counting],
		Work: simulator.Constant(c.Latency), PageMax: c.PageMax, Faults: c.Fault, Secrets: secrets,
	})
	if err != nil {
		return core.Invalid("", "%s", err)
	}
	ln, err := listen(c.Listen)
	if err != nil {
		return err
	}
	base := "http://" + ln.Addr().String()
	if c.TLS != "" {
		config, err := simulator.WriteCertificates(c.TLS)
		if err != nil {
			return core.Invalid("--tls", "%s", err)
		}
		ln, base = tls.NewListener(ln, config), "https://"+ln.Addr().String()
	}
	_, _ = fmt.Fprintf(std.out, "listening on %s\n", base)
	if c.PrintEnv {
		for _, setting := range simulator.Env(base) {
			_, _ = fmt.Fprintln(std.out, setting)
		}
	}
	return simulator.Serve(ctx, ln, sim)
}

// readSecrets reads the secrets from a file: every user of the machine could read a command
// line. No error repeats the contents of the file.
func readSecrets(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, core.Invalid("--secrets", "cannot be read: %s", err)
	}
	var secrets map[string]string
	if json.Unmarshal(data, &secrets) != nil {
		return nil, core.Invalid("--secrets", `must hold a JSON object from name to text, as {"partnerlens/tencent": "..."}`)
	}
	return secrets, nil
}
