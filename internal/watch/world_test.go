package watch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// world is the surroundings of a watch: a vendor's list, a store, channels, and settings.
// Tests call watch and check the objects and the messages that channels accepted.
type world struct {
	store   store.Store
	books   *books
	chats   map[string]*chat // by the channel's name; none: no channel is configured
	rules   alert.Rules
	change  func(*watch.Job) // of a call's settings
	partial alert.Config     // Err and NoRules of the alerts' setting
}

func newWorld(s store.Store, customers int) *world {
	return &world{store: s, books: newBooks(customers), chats: map[string]*chat{"ops": newChat()}}
}

// job is a call for a run, made in the morning of its day or in the middle of its hour.
func (w *world) job(run string) watch.Job {
	start, _ := watch.Period(run, core.VendorZone)
	at := start.Add(6 * time.Hour)
	if len(run) > len("2006-01-02") {
		at = start.Add(30 * time.Minute)
	}
	config := &alert.Config{Rules: w.rules, Err: w.partial.Err, NoRules: w.partial.NoRules}
	for _, name := range slices.Sorted(maps.Keys(w.chats)) {
		config.Channels = append(config.Channels, alert.Channel{
			Name: name, Type: alert.Webhook, URL: core.NewSecret("https://" + name + ".example/hook"), Language: alert.English, MinSeverity: alert.Info,
		})
	}
	job := watch.Job{
		Function: w.books.function(), Account: "north", Run: run, PartSize: 19, Version: "test", Location: "file:///store/", Evaluator: alert.Credit,
		Thresholds: map[string]any{"credit_low": "10%"}, Alerts: config,
		Now: func() time.Time { return at },
		Deliver: alert.DeliverOptions{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			name, _, _ := strings.Cut(r.URL.Host, ".")
			return w.chats[name].take(r)
		})},
	}
	if w.change != nil {
		w.change(&job)
	}
	return job
}

func (w *world) call(ctx context.Context, run string) (watch.Outcome, error) {
	defer w.books.rest()
	return watch.Run(ctx, w.store, w.job(run))
}

// watch calls until the run has ended, as schedules do.
func (w *world) watch(t tester, run string) watch.Outcome {
	t.Helper()
	var outcome watch.Outcome
	var err error
	for range 20 {
		outcome, err = w.call(context.Background(), run)
		if err == nil && outcome.State != watch.GoingOn && outcome.State != watch.Incomplete {
			return outcome
		}
	}
	t.Fatalf("%s does not end: %s, %v", run, outcome.State, err)
	return outcome
}

// on returns the same world over another store.
func (w *world) on(s store.Store) *world {
	other := *w
	other.store, other.books, other.chats = s, w.books.clone(), make(map[string]*chat)
	for name := range w.chats {
		other.chats[name] = newChat()
	}
	return &other
}

// every makes one of every so many operations of the store fail in a test: 1 makes each
// fail, which takes minutes under the race detector.
func TestMain(m *testing.M) {
	debug.SetGCPercent(300) // the worlds are many and small: half the time would be the collector's
	os.Exit(m.Run())
}

var every = flag.Int("every", 8, "fail one of every N operations of the store; 1: each")

// some yields one of every few numbers from 1 to all, from a random one on.
func some(all int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 1 + rand.IntN(*every); at <= all && yield(at); at += *every {
		}
	}
}

// tester is a test, or one draw of a property.
type tester interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// chat is a channel that accepts messages, or answers with a status.
type chat struct {
	mu     sync.Mutex
	status func(m message) int // nil: 200
	takes  time.Duration       // to answer
	asked  int
	taken  []message
}

// message is a message to a chat.
type message struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Data   struct {
		Run      string `json:"run"`
		First    bool   `json:"first"`
		Proven   bool   `json:"proven"`
		Counted  *int   `json:"counted"`
		ReadLate bool   `json:"read_late"`
		Held     *struct {
			Known   int `json:"known"`
			Missing int `json:"missing"`
		} `json:"held"`
		Customers int            `json:"customers"`
		Warnings  []core.Warning `json:"warnings"`
		Alerts    []struct {
			ID       string `json:"id"`
			Kind     string `json:"kind"`
			Customer string `json:"customer_id"`
			Name     string `json:"name"`
			FullName string `json:"full_name"`
			URL      string `json:"url"`
		} `json:"alerts"`
	} `json:"data"`
}

func newChat() *chat { return new(chat) }

type roundTripFunc func(*http.Request) (*http.Response, error)

func (t roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func (c *chat) take(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	c.mu.Lock()
	takes := c.takes
	c.mu.Unlock()
	time.Sleep(takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	status := http.StatusOK
	if c.status != nil {
		status = c.status(m)
	}
	if status == http.StatusOK {
		c.taken = append(c.taken, m)
	}
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// slow sets how long the chat takes to answer.
func (c *chat) slow(takes time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takes = takes
}

// answer makes the chat answer every message with a status.
func (c *chat) answer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = func(message) int { return status }
}

// said returns the messages that the chat accepted, each as "RUN kind kind".
func (c *chat) said() (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.taken {
		line := m.Data.Run
		for _, a := range m.Data.Alerts {
			line += " " + a.Kind
		}
		if m.Data.First {
			line += " first"
		}
		if m.Data.Held != nil {
			line += fmt.Sprintf(" held %d/%d", m.Data.Held.Missing, m.Data.Held.Known)
		}
		lines = append(lines, line)
	}
	return lines
}

// books is a vendor: customers and their remaining credit.
type books struct {
	mu     sync.Mutex
	left   map[int]int // by customer
	forced map[int]bool
	calls  atomic.Int64
	before func(row int) error
	lie    int  // added to the total
	shift  int  // added to every customer's number: another partner's list
	hidden bool // rows are missing although the total counts them

	restless  bool // rows change their order at every call
	proofless bool // time runs out when a second pass begins

	latency time.Duration // of a call
	as      *books        // whose customers are listed; nil: its own
}

func newBooks(n int) *books {
	b := &books{left: make(map[int]int), forced: make(map[int]bool)}
	for i := range n {
		b.left[i] = 500 + i
	}
	return b
}

func (b *books) clone() *books {
	return &books{left: maps.Clone(b.left), forced: maps.Clone(b.forced), lie: b.lie, shift: b.shift, hidden: b.hidden}
}

// rest waits for requests of reads that have ended.
func (b *books) rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
}

const pageSize = 10

func (b *books) FetchPage(ctx context.Context, _ core.CreditQuery, at core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	b.mu.Lock()
	latency := b.latency
	b.mu.Unlock()
	select {
	case <-ctx.Done():
		return page, ctx.Err()
	case <-time.After(latency):
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil { // the read has ended, and the test may change the books
		return page, err
	}
	b.calls.Add(1)
	if b.before != nil {
		if err := b.before(at.Offset); err != nil {
			return page, err
		}
	}
	listed := b
	if b.as != nil {
		listed = b.as
	}
	all := slices.Sorted(maps.Keys(listed.left))
	if b.restless {
		rand.New(rand.NewPCG(uint64(b.calls.Load()), 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	if b.proofless && at.Offset == 0 && at.Size > 0 {
		return page, &core.Error{Code: core.CodeDeadline}
	}
	total := len(all) + listed.lie
	if listed.hidden {
		all = all[:max(0, len(all)-len(all)/10-1)]
	}
	size := pageSize
	if at.Size > 0 {
		size = min(size, at.Size)
	}
	end := min(at.Offset+size, len(all))
	for _, i := range all[min(at.Offset, end):end] {
		page.Items = append(page.Items, customer(i+listed.shift, listed.left[i], listed.forced[i]))
	}
	page.Total = &total
	if end < len(all) {
		page.Next = &core.Cursor{Offset: end, Size: size}
	}
	page.RequestID = fmt.Sprint("request-", b.calls.Load())
	return page, nil
}

// idOf returns a customer's id. Ids sort in another order than customers are listed.
func idOf(i int) string { return strconv.Itoa(200000000000 + (i*7919)%100003) }

func customer(i, left int, forced bool) *core.CustomerCredit {
	allocated, _ := core.ParseMoney("1000")
	remaining, _ := core.ParseMoney(strconv.Itoa(left))
	joined := morning.AddDate(-1, 0, 0).Add(time.Duration(i) * time.Second)
	return &core.CustomerCredit{
		Provider: "tencentcloud", CustomerID: idOf(i), Name: "Customer " + strconv.Itoa(i), Forced: &forced,
		Credit: core.Credit{Allocated: &allocated, Remaining: &remaining, Currency: "USD"}, AssociatedAt: &joined,
	}
}

func (b *books) function() *core.Function {
	reader := core.NewReader(b, &core.ReaderOptions[core.CreditQuery]{Schema: core.Schema("credit"), Provider: "tencentcloud", Account: "north", Attempts: 1})
	return core.CreditFunction(func(context.Context, string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return reader, nil
	}, func(context.Context) ([]string, error) { return []string{"north"}, nil })
}

var morning = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)

// tomorrow changes the books between two runs: one customer leaves, one joins, one runs
// low, and one spends a little.
func (b *books) tomorrow() {
	delete(b.left, 3)
	b.left[99] = 500
	b.left[20] = 50
	b.left[30]--
}

// identity is the identity of all stores of a test, so that their objects are comparable.
const identity = `{"schema":"partnerlens.store/v1","id":"store-of-tests"}`

// folder returns a store for one test: a folder, or a prefix of the bucket that
// scripts/s3.sh serves.
func folder(t *testing.T) store.Store {
	t.Helper()
	where := "file://" + t.TempDir()
	if bucket := os.Getenv("PARTNERLENS_TEST_S3"); bucket != "" {
		path, query, _ := strings.Cut(bucket, "?")
		where = path + "/" + strings.ToLower(cryptorand.Text()) + "?" + query
	}
	s, err := store.Open(where, store.Options{Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutNew(t.Context(), "store.json", []byte(identity)); err != nil {
		t.Fatal(err)
	}
	return s
}

// memory is a Store for tests that need thousands of operations.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func newMemory(from *memory) *memory {
	m := &memory{objects: map[string][]byte{"store.json": []byte(identity)}}
	if from != nil {
		maps.Copy(m.objects, from.objects)
	}
	return m
}

func (m *memory) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, core.AsError(ctx.Err())
	}
	body, ok := m.objects[name]
	if !ok {
		return nil, &core.Error{Code: core.CodeNotFound}
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (m *memory) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	var body bytes.Buffer
	if err := write(&body); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	m.objects[name] = body.Bytes()
	return nil
}

func (m *memory) PutNew(ctx context.Context, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch _, ok := m.objects[name]; {
	case ctx.Err() != nil:
		return core.AsError(ctx.Err())
	case ok:
		return store.ErrExists
	}
	m.objects[name] = body
	return nil
}

func (m *memory) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		m.mu.Lock()
		names := slices.Sorted(maps.Keys(m.objects))
		m.mu.Unlock()
		for _, name := range names {
			if ctx.Err() != nil {
				yield(store.Object{}, core.AsError(ctx.Err()))
				return
			}
			if strings.HasPrefix(name, prefix) && !yield(store.Object{Name: name}, nil) {
				return
			}
		}
	}
}

func (m *memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	delete(m.objects, name)
	return nil
}

// objects returns the content of a store, without what differs between runs. It checks each
// object against its manifest.
func objects(t tester, s store.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for object, err := range s.List(context.Background(), "") {
		if err != nil {
			t.Fatalf("%v", err)
		}
		text := get(t, s, object.Name)
		if strings.HasSuffix(object.Name, "/manifest.json") {
			m := parse[watch.Manifest](t, text)
			for _, o := range m.Objects {
				packed := get(t, s, strings.TrimSuffix(object.Name, "manifest.json")+o.Name)
				if sum := sha256.Sum256([]byte(packed)); hex.EncodeToString(sum[:]) != o.SHA256 || int64(len(packed)) != o.Bytes {
					t.Errorf("%s: %s is not what the manifest says", object.Name, o.Name)
				}
			}
			m.Attempt, m.Attempts, m.Invocations, m.ReadMS, m.FinishMS, m.RequestIDs, m.Calls = "", 0, 0, 0, 0, nil, watch.Calls{}
			for i := range m.Warnings { // which differ if the list is read in parts
				m.Warnings[i].Message = ""
			}
			for i := range m.Deliveries {
				m.Deliveries[i].ID, m.Deliveries[i].At, m.Deliveries[i].Tries = "", time.Time{}, 0
			}
			normal, err := core.AppendJSON(nil, m)
			if err != nil {
				t.Fatalf("%v", err)
			}
			text = string(normal)
		}
		all[object.Name] = text
	}
	return all
}

func parse[T any](t tester, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func manifestOf(t tester, s store.Store, run string) watch.Manifest {
	t.Helper()
	return parse[watch.Manifest](t, get(t, s, "runs/credit/north/"+run+"/manifest.json"))
}

func get(t tester, s store.Store, name string) string {
	t.Helper()
	body, err := s.Get(context.Background(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

func exists(s store.Store, name string) bool {
	body, err := s.Get(context.Background(), name)
	if err == nil {
		body.Close()
	}
	return err == nil
}

func put(t tester, s store.Store, name, text string) {
	t.Helper()
	err := s.Put(context.Background(), name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func unpacked(t tester, text string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(plain)
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// same checks the content of a store, except for the lease of a killed invocation.
func same(t tester, s store.Store, want map[string]string) {
	t.Helper()
	got := objects(t, s)
	delete(got, "runs/credit/north/lease.json")
	for name, text := range got {
		if want[name] != text {
			t.Errorf("%s differs:\n%q\n%q", name, want[name], text)
		}
	}
	for name := range want {
		if _, is := got[name]; !is {
			t.Errorf("%s is missing", name)
		}
	}
}

// bubble runs a parallel subtest with virtual time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

// answer makes the books return the list of others.
func (b *books) answer(as *books) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.as = as
}
