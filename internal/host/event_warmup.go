package host

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Events that keep a function warm carry no question. Taken for one they would fail every few
// minutes, and an alarm on failed invocations would ring. They are answered by an empty object,
// and nothing is read. The shapes, as their tools' documentation has them (read November 2026):
//
//	{"source":"serverless-plugin-warmup"}          npm serverless-plugin-warmup, @middy/warmup
//	{"source":"serverless-plugin-lambda-warmup"}   npm serverless-plugin-lambda-warmup
//	{"warmer":true,"concurrency":3}                npm lambda-warmer, PyPI lambda-warmer-py
//	{"type":"warmer","warmerId":"…","index":0}     OpenNext
//	"#warmup wait=200"                             Thundra
//
// and the flags warmup, keepWarm and isWarmingUp in place of warmer. Thundra's default, an empty
// object, is a question for every customer: set a message there.

var (
	warmUpSources = []string{"serverless-plugin-warmup", "serverless-plugin-lambda-warmup"}
	warmUpFlags   = []string{"warmer", "warmup", "keepWarm", "isWarmingUp"} // none is a parameter
)

const (
	warmUpType = "warmer"
	warmUpText = `"#warmup`
)

// warmUpAnswer is the answer to an event that keeps a function warm.
const warmUpAnswer = "{}"

// isWarmUpText says whether an event is a text that keeps a function warm.
func isWarmUpText(raw []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte(warmUpText)) }

// isWarmUp says whether an event, or the query that a schedule carries, is an object that keeps a
// function warm.
func isWarmUp(raw []byte) bool {
	var members map[string]jsontext.Value
	if jsontext.Value(raw).Kind() != '{' || unmarshalForeign(raw, &members) != nil {
		return false
	}
	return slices.Contains(warmUpSources, text(members["source"])) || text(members["type"]) == warmUpType ||
		slices.ContainsFunc(warmUpFlags, func(name string) bool { return members[name].Kind() == 't' })
}
