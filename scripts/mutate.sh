#!/usr/bin/env bash
# Breaks one guard at a time, in a copy of its file, and requires the tests of
# the guard's own package to fail. Where a guard moves, its line here moves too.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# mutate FILE SUBSTITUTION TESTS breaks a guard by a substitution in perl.
mutate() {
	local file=$1 substitution=$2 tests=$3 output
	perl -0pe "$substitution" "$file" >"$scratch/mutated.go"
	if cmp -s "$file" "$scratch/mutated.go"; then
		echo "$file: nothing to substitute: $substitution"
		failed=1
		return
	fi
	printf '{"Replace":{"%s":"%s"}}' "$PWD/$file" "$scratch/mutated.go" >"$scratch/overlay.json"
	if output=$(go test -overlay "$scratch/overlay.json" -vet=off -ldflags='-s -w' -count=1 -timeout=60s "./$(dirname "$file")" -run "$tests" 2>&1); then
		echo "$file: no test fails: $substitution"
		failed=1
	elif ! grep -q -- '^--- FAIL' <<<"$output"; then
		printf '%s: no test ran: %s\n%s\n' "$file" "$substitution" "$output"
		failed=1
	fi
}

mutate pkg/core/pass.go 's/ && len\(page\.Items\) == total-tail\.Offset//' TestLowTotal
mutate pkg/core/pass.go 's/if count == unknownCount /if true /' TestCountAtTheEnd
mutate pkg/core/proof.go 's/l\.old == l\.total/l.rows == l.total/' TestSwap
mutate pkg/core/witness.go 's/w\.old == w\.total/len(w.ids) == w.total/' TestSwap
mutate pkg/core/proof.go 's/ && l\.most-l\.total <= l\.rows-l\.old//' TestStale
mutate pkg/core/witness.go 's/return w\.most-w\.total > len\(w\.ids\)-w\.old/return false/' TestStale
mutate pkg/core/prefetch.go 's/at: at, ahead:/at: at, forecast: forecast{step: 10}, ahead:/' TestPasses
mutate pkg/core/prefetch.go 's/p\.ahead\/2/p.ahead/' TestRefusals
mutate pkg/core/pace.go 's/late := p\.lateShare/late := false \&\& p.lateShare/' TestPacer
mutate pkg/core/pace.go 's/p\.startRound\(now\)//' TestPacer
mutate pkg/core/pace.go 's/p\.misses > 1/false/' TestPacer
mutate pkg/core/pace.go 's/case p\.misses == 1 \&\& p\.hits == 1:/case false:/' TestPacer
mutate pkg/core/pace.go 's/case another:/case false:/' TestPacer
mutate pkg/core/retry.go 's/retry\.throttled\.Add\(1\)//' TestRefusals
mutate pkg/core/retry.go 's/max\(wait, failure\.RetryAfter\)/wait/' TestRetries
mutate pkg/core/retry.go 's/ \|\| b\.retries\.Add\(1\) > retriesPerRead//' TestRetries
mutate pkg/core/reader.go 's/, Doubt: s\.incomplete//' TestPlaceKeepsDoubt
mutate pkg/core/reader.go 's/case s\.scope\+1 < len\(s\.scopes\):/case false:/' TestDeadlineDuringProof
mutate pkg/core/reader.go 's/s\.notes\.customers == 0 && //' TestDeadlineDuringProof
mutate pkg/core/shared.go 's/ && report\.Complete//' TestIncomplete
mutate pkg/core/credit.go 's/if !c\.zoned\(\)/if false/' TestCreatedBetween
mutate pkg/transport/transport.go 's/failure\.RetryAfter = /_ = /' TestRequestID
mutate internal/api/keys.go 's/sum\[:\], k\.keys\[i\]\.hash\[:\]/sum[:8], k.keys[i].hash[:8]/' TestHash
mutate internal/secrets/cache.go 's/time\.Now\(\)\.Round\(0\)/time.Now()/' TestAges
mutate internal/secrets/cache.go 's/came\.Sub\(fetch\.began\) < k\.opts\.KeepFor/true/' TestFetch
mutate internal/watch/compare.go 's/, "days_left"//' TestDaysLeft
mutate internal/watch/history.go 's/if ids\[0\] == r\.Run/if len(ids[0]) != len(r.Run) || ids[0] == r.Run/' TestSwitches
mutate internal/watch/history.go 's/s\.Delete\(ctx, p\.objectName\(id, manifestName\)\)/error(nil)/' TestRetainDeletes
mutate internal/app/watch.go 's/20_000\/p\.accounts/20_000/' TestPartSize
mutate internal/alert/digest.go 's/ && !slices\.Contains\(s\.apart, owner\)//' TestOwners
mutate internal/alert/digest.go 's/return s\.owner != "" \|\| s\.channel\.Owners != nil/return false/' Owner
mutate internal/alert/conditions.go 's/case run\.First, run\.FirstVouchers && a\.Kind == VoucherExpiring:/case run.First:/' Voucher
mutate internal/alert/conditions.go 's/if run\.muted\(\) \|\| len\(next\.Muted\) == 0/if true/' Mute
mutate internal/watch/compare.go 's/column\.Detail && \(before\[i\] == "" \|\| after\[i\] == ""\)/false/' Names
mutate internal/watch/write.go 's/o\.packed != nil && o\.section >= sectionSize && o\.err == nil/false/' NoSection
mutate internal/watch/pack.go 's/p\.deflate\.Reset\(p\.w\)//' Packed
mutate internal/configfile/configfile.go 's/with = group/_ = group/' TestTheEnvironment
mutate internal/configfile/parse.go 's/"%s", syntaxText\(err\.Error\(\)\)/"%s", err.Error()/' TestMistakes
exit $failed
