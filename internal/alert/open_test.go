package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// openOf are open conditions as "kind since".
func openOf(open []Alert) (texts []string) {
	for _, a := range open {
		texts = append(texts, string(a.Kind)+" "+a.Since)
	}
	slices.Sort(texts)
	return texts
}

// journal is what is open of a customer by its alerts and silent transitions alone, as
// docs/runs.md describes it: by "level", or by the kind.
type journal map[string][2]string

func (j journal) fold(transitions []Alert) {
	for _, a := range transitions {
		kind := string(a.Kind)
		slot := kind
		if kind == "credit_low" || kind == "credit_exhausted" || kind == "credit_overdrawn" {
			slot = "level"
		}
		switch {
		case a.Reason == "ended" || a.Reason == "not_asked":
			delete(j, slot)
		case slot == "level", kind == "credit_forced", kind == "credit_expiring", kind == "tag_ending_this_month", kind == "tag_ending_next_month":
			j[slot] = [2]string{kind, a.Since}
		case kind == "credit_recovered":
			delete(j, "level")
		case kind == "credit_freed":
			delete(j, "credit_forced")
		case kind == "customer_gone":
			clear(j)
		}
	}
}

func (j journal) texts() (texts []string) {
	for open := range maps.Values(j) {
		texts = append(texts, open[0]+" "+open[1])
	}
	slices.Sort(texts)
	return texts
}

// For any life of a customer, with mutes, the alerts and the silent transitions alone give
// what is open after each run, and a mute delays alerts and loses none.
func TestJournalIsComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &Rules{HysteresisPercent: rapid.SampledFrom([]int{0, 10, 50}).Draw(t, "hysteresis")}
		if rapid.Bool().Draw(t, "some kinds") {
			r.Kinds = rapid.SliceOfNDistinct(rapid.SampledFrom(Kinds()), 1, 12, rapid.ID[Kind]).Draw(t, "kinds")
		}
		random, evaluator := rapid.Custom(randomCredit), Credit
		if rapid.Bool().Draw(t, "tags") {
			random, evaluator = rapid.Custom(randomTag), Tags
		}
		days := rapid.IntRange(2, 40).Draw(t, "days")
		var before core.Record
		var state State
		var muted time.Time
		folded, reported := make(journal), make(map[string]bool)
		for day := range days {
			run := runOn(day)
			run.Evaluator, run.First, run.Since = evaluator, day == 0, run.AsOf.AddDate(0, 0, -1)
			if rapid.IntRange(0, 4).Draw(t, "mutes") == 0 {
				muted = run.AsOf.Add(time.Duration(rapid.IntRange(-1, 5).Draw(t, "mute")) * 13 * time.Hour)
			}
			run.MutedUntil = muted
			var after core.Record
			if rapid.IntRange(0, 9).Draw(t, "present") > 0 {
				after = random.Draw(t, fmt.Sprint("day ", day))
			}
			e, err := r.Evaluate(run, before, after, roundTrip(t, state))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range e.Silent {
				if a.Reason == "" {
					t.Fatalf("day %d: %s is silent without a reason", day, a.Kind)
				}
			}
			for _, a := range e.Alerts {
				if a.Reason != "" || r.Kinds != nil && !slices.Contains(r.Kinds, a.Kind) {
					t.Fatalf("day %d: %s (%s) is delivered", day, a.Kind, a.Reason)
				}
			}
			wasOpen := maps.Clone(folded)
			folded.fold(slices.Concat(e.Alerts, e.Silent))
			if got, want := openOf(e.Open), folded.texts(); !slices.Equal(got, want) {
				t.Fatalf("day %d: open %q, folded %q\nalerts %v\nsilent %+v", day, got, want, kindsOf(e.Alerts), e.Silent)
			}
			checkMute(t, r, run, e, wasOpen, folded, reported)
			before, state = after, e.State
		}
	})
}

// checkMute checks what is delivered against reported, the conditions that need no alert
// any more, by their place in the journal.
func checkMute(t *rapid.T, r *Rules, run RunContext, e Evaluation, was, is journal, reported map[string]bool) {
	for _, a := range e.Alerts {
		switch a.Kind {
		case CreditFreed, CreditRecovered:
			slot := map[Kind]string{CreditFreed: "credit_forced", CreditRecovered: "level"}[a.Kind]
			if _, open := was[slot]; !open || !reported[slot] {
				t.Fatalf("%s: %s is delivered after nothing", run.Run, a.Kind)
			}
		default:
			if run.AsOf.Before(run.MutedUntil) {
				t.Fatalf("%s: %s is delivered in a mute", run.Run, a.Kind)
			}
		}
	}
	for _, a := range slices.Concat(e.Alerts, e.Silent) {
		one := make(journal)
		one.fold([]Alert{a})
		for slot := range one { // a condition
			switch {
			case a.Reason == "" || a.Reason == ReasonKindOff || a.Reason == ReasonReported || a.Reason == ReasonFirst:
				reported[slot] = true
			case slot != "level":
				reported[slot] = false
			}
		}
	}
	for slot := range reported {
		if _, open := is[slot]; !open {
			delete(reported, slot)
		}
	}
	for slot := range is {
		isOff := r.Kinds != nil && !slices.Contains(r.Kinds, Kind(is[slot][0]))
		if run.First || isOff && !run.AsOf.Before(run.MutedUntil) {
			reported[slot] = true
		}
		if !run.AsOf.Before(run.MutedUntil) && !reported[slot] {
			t.Fatalf("%s: %v is open, not muted, and was never reported", run.Run, is[slot])
		}
	}
}

func randomCredit(t *rapid.T) core.Record {
	c := credit(t, rapid.SampledFrom([]string{"500", "120", "105", "100", "50", "1", "0", "-1", "", "forced 500", "forced 50", "forced -1", "unflagged 500", "unflagged -1"}).Draw(t, "left"))
	if days := rapid.IntRange(-3, 40).Draw(t, "expires"); days < 30 {
		c.NearestExpiry = new(runStart.AddDate(0, 0, days))
	}
	return c
}

func randomTag(t *rapid.T) core.Record {
	c := &core.CustomerTag{Provider: "huaweicloud", CustomerID: "200000000001"}
	c.Tag.Value = rapid.SampledFrom([]string{"Y", "N", "UNDETERMINED", "Y_UNDETERMINED"}).Draw(t, "value")
	if month := rapid.IntRange(0, 4).Draw(t, "month"); month < 4 {
		c.ExpireMonth = new(core.MonthOf(runStart).Add(month - 1))
	}
	c.Evaluate("main", runStart.AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, "at")), core.Rules{})
	return c
}

// Each life is one customer from the baseline on, a run a day; "!" before a day is a day on which it
// is muted. want has the alerts of each day; a silent transition is "(kind reason)".
func TestMutes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ life, want string }{
		"nothing is muted":                          {"500, 50, 500", ", credit_low, credit_recovered"},
		"opens in the mute, lasts beyond it":        {"500, !50, !50, 50, 50", ", (credit_low muted), , credit_low, "},
		"opens and ends in the mute":                {"500, !50, !500, 500", ", (credit_low muted), (credit_recovered muted), "},
		"ends on the first day after the mute":      {"500, !50, 500, 500, 50", ", (credit_low muted), (credit_recovered muted), , credit_low"},
		"open before, reported":                     {"500, 50, !50, 50", ", credit_low, , "},
		"open before, recovers in the mute":         {"500, 50, !500", ", credit_low, credit_recovered"},
		"open before, worsens in the mute":          {"500, 50, !-1, -1", ", credit_low, (credit_overdrawn muted), credit_overdrawn"},
		"worsens in the mute, recovers in it":       {"500, 50, !-1, !500", ", credit_low, (credit_overdrawn muted), credit_recovered"},
		"worsens in the mute, is milder at its end": {"500, 50, !-1, !50, 50", ", credit_low, (credit_overdrawn muted), (credit_low milder), "},
		"falls in the mute, is milder at its end":   {"500, !-1, !50, 50", ", (credit_overdrawn muted), (credit_low milder), credit_low"},
		"is milder on the first day after":          {"500, !-1, 50, 500", ", (credit_overdrawn muted), credit_low (credit_low milder), credit_recovered"},
		"worsens twice in the mute":                 {"500, !50, !0, 0", ", (credit_low muted), (credit_exhausted muted), credit_exhausted"},
		"worsens on the first day after":            {"500, !50, -1, -1", ", (credit_low muted), credit_overdrawn, "},
		"the baseline counts as reported":           {"!50, !50, 50, 500", "(credit_low first), , , credit_recovered"},
		"stopped in the mute":                       {"500, !forced 500, forced 500, 500", ", (credit_forced muted), credit_forced, credit_freed"},
		"stopped and freed in the mute":             {"500, !forced 500, !500", ", (credit_forced muted), (credit_freed muted)"},
		"stopped before, freed in the mute":         {"500, forced 500, !500", ", credit_forced, credit_freed"},
		"stopped overdrawn in the mute, freed":      {"500, !forced -1, !-1, -1", ", (credit_forced muted), (credit_overdrawn muted) (credit_freed muted), credit_overdrawn"},
		"stopped overdrawn, freed in the mute":      {"500, forced -1, !-1, -1", ", credit_forced, credit_freed (credit_overdrawn reported), "},
		"freed on the first day after":              {"500, !forced -1, -1", ", (credit_forced muted), credit_overdrawn (credit_freed muted)"},
		"gone in the mute, and back after it":       {"500, !50, !-, 50", ", (credit_low muted), (customer_gone muted), credit_low customer_new"},
		"low, then stopped, all in the mute":        {"500, !50, !forced 50, forced 50", ", (credit_low muted), (credit_forced muted), credit_forced credit_low"},
		"not seen with a status when the mute ends": {"500, !50, , 50", ", (credit_low muted), credit_low, "},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			var before, after core.Record
			var state State
			for day, left := range strings.Split(test.life, ", ") {
				run := runOn(day)
				run.First = day == 0
				rest, muted := strings.CutPrefix(left, "!")
				if muted {
					run.MutedUntil = run.AsOf.Add(time.Second)
				}
				if after = nil; rest != "-" {
					after = credit(t, rest)
				}
				e, err := new(Rules).Evaluate(run, before, after, roundTrip(t, state))
				if err != nil {
					t.Fatal(err)
				}
				var texts []string
				for _, a := range e.Alerts {
					texts = append(texts, string(a.Kind))
				}
				for _, a := range e.Silent {
					texts = append(texts, fmt.Sprintf("(%s %s)", a.Kind, a.Reason))
					if muted != (a.MutedUntil != "") {
						t.Errorf("day %d: %+v", day, a)
					}
				}
				got = append(got, strings.Join(texts, " "))
				before, state = after, e.State
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("%s:\n%s, want\n%s", test.life, text, test.want)
			}
		})
	}
}
