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
	Customers int           `default:"1000" help:"How many customers each cloud has."`
	Seed      uint64        `default:"1" help:"What the customers, and the faults' moments, are made from."`
	Day       int           `default:"0" help:"Which day of the customers' lives it is: from 0 to 1 and to 2 some come, go, run dry, are topped up, stopped or freed."`
	Rate      int           `help:"Refuse calls over this many a second; 0: no limit."`
	Counting  string        `enum:"sliding,sliding-all,fixed" default:"sliding" help:"How calls are counted: sliding second, sliding second with refused calls in it, fixed second."`
	Latency   time.Duration `help:"How long each answer takes, as 80ms."`
	PageMax   int           `help:"The largest page; 0: 100 on Tencent Cloud, 200 on Huawei Cloud."`
	Fault     []string      `help:"Something that goes wrong, by name; may be given several times. An unknown name lists them."`
	Secrets   string        `type:"path" placeholder:"FILE" help:"What the secret stores hold: a JSON object from name to text."`
	TLS       string        `type:"path" placeholder:"DIR" help:"Serve https, with a certificate made into this folder (ca.pem to trust)."`
	PrintEnv  bool          `help:"Print the variables that point the functions at it."`
}

var countings = map[string]simulator.RateCounting{
	"sliding":     simulator.SlidingSecond,
	"sliding-all": simulator.SlidingSecondRefusals,
	"fixed":       simulator.FixedSecond,
}

// Run simulates until it is interrupted.
func (c *simulateCmd) Run(ctx context.Context, std streams) error {
	secrets, err := readSecrets(c.Secrets)
	if err != nil {
		return err
	}
	sim, err := simulator.New(simulator.Options{
		Customers: c.Customers, Seed: c.Seed, Day: c.Day, Rate: c.Rate, RateCounting: countings[c.Counting],
		Latency: c.Latency, PageMax: c.PageMax, Faults: c.Fault, Secrets: secrets,
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
	fmt.Fprintf(std.out, "listening on %s\n", base)
	if c.PrintEnv {
		for _, setting := range simulator.Env(base) {
			fmt.Fprintln(std.out, setting)
		}
	}
	return simulator.Serve(ctx, ln, sim)
}

// readSecrets reads the secrets from a file: on the command line everybody on
// the machine could read them. No error repeats what the file holds.
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
