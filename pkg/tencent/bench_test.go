//go:build unix

package tencent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// BenchmarkPage compares the CPU that a page of 100 customers costs through a
// Source (cpu-ns/page) with a floor: net/http, the TC3 signature by hand and
// encoding/json into a plain struct (floor-cpu-ns/page), over the same kind of
// connection, by turns. It is the CPU of the whole process, user and system,
// garbage collection included. The server is part of that; it does as little as
// a server can, and the same for both. "ratio" is of the medians of the rounds.
func BenchmarkPage(b *testing.B) {
	body := samplePage(b, 100)
	address := cannedServer(b, body)
	source, err := New(Config{SecretID: "SIMULATORID", SecretKey: core.NewSecret("simulator-secret"), Endpoint: "http://" + address})
	if err != nil {
		b.Fatal(err)
	}
	defer source.CloseIdleConnections()
	floor := newFloor(address)
	defer floor.client.CloseIdleConnections()

	const round = 25
	ours, theirs := []float64{}, []float64{}
	b.ReportAllocs()
	for b.Loop() {
		theirs = append(theirs, cpuOf(round, func() {
			if n := floor.page(b); n != 100 {
				b.Fatalf("floor read %d customers", n)
			}
		}))
		ours = append(ours, cpuOf(round, func() {
			page, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{})
			if err != nil || len(page.Items) != 100 {
				b.Fatalf("FetchPage = %d customers, %v", len(page.Items), err)
			}
		}))
	}
	b.ReportMetric(median(ours), "cpu-ns/page")
	b.ReportMetric(median(theirs), "floor-cpu-ns/page")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
}

// cpuOf gives the CPU time of one of n runs of f, in nanoseconds.
func cpuOf(n int, f func()) float64 {
	runtime.GC() // pay the debts of whoever ran before
	start := cpu()
	for range n {
		f()
	}
	return float64(cpu()-start) / float64(n)
}

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// cannedServer answers every request on a connection with the same body.
func cannedServer(tb testing.TB, body []byte) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				requests := bufio.NewReader(conn)
				for skipRequest(requests) == nil {
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// skipRequest reads one request to its end.
func skipRequest(from *bufio.Reader) error {
	length := 0
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := from.Discard(length)
	return err
}

// floor is the least that a plain Go program does for a page.
type floor struct {
	client  *http.Client
	address string
}

func newFloor(address string) *floor {
	return &floor{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, address}
}

type floorPage struct {
	Response struct {
		Total     int
		RequestId string //lint:ignore ST1003 the vendor's spelling
		Data      []struct {
			ClientUin                                                                 int64
			Name, Type, Mobile, Email, Arrears, AssociationTime, RecentExpiry, Remark string
			Credit, RemainingCredit                                                   float64
			IdentifyType, Force                                                       int
		}
	}
}

func (f *floor) page(tb testing.TB) int {
	payload, err := json.Marshal(map[string]any{"Page": 1, "PageSize": 100})
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+f.address+"/", bytes.NewReader(payload))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	date := now.UTC().Format(time.DateOnly)
	sum := func(text string) string { h := sha256.Sum256([]byte(text)); return hex.EncodeToString(h[:]) }
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	canonical := "POST\n/\n\ncontent-type:application/json\nhost:" + f.address + "\n\ncontent-type;host\n" + sum(string(payload))
	scope := date + "/intlpartnersmgt/tc3_request"
	toSign := "TC3-HMAC-SHA256\n" + strconv.FormatInt(now.Unix(), 10) + "\n" + scope + "\n" + sum(canonical)
	key := mac(mac(mac([]byte("TC3simulator-secret"), date), "intlpartnersmgt"), "tc3_request")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-TC-Action", "QueryCustomersCredit")
	req.Header.Set("X-TC-Version", "2022-09-28")
	req.Header.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Authorization", "TC3-HMAC-SHA256 Credential=SIMULATORID/"+scope+", SignedHeaders=content-type;host, Signature="+hex.EncodeToString(mac(key, toSign)))
	resp, err := f.client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var answer floorPage
	if err := json.Unmarshal(text, &answer); err != nil {
		tb.Fatal(err)
	}
	return len(answer.Response.Data)
}
