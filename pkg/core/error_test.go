package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestEveryCodeHasItsFacts(t *testing.T) {
	t.Parallel()
	for _, code := range Codes() {
		if code.Title() == "" || code.HTTPStatus() < 400 || code.ExitStatus() == 0 {
			t.Errorf("%s: title %q, status %d, exit %d", code, code.Title(), code.HTTPStatus(), code.ExitStatus())
		}
	}
	if got := Code("unheard of").HTTPStatus(); got != 500 {
		t.Errorf("an unknown code's status = %d, want 500", got)
	}
	for code, exit := range map[Code]int{
		CodeInternal: 1, CodeInvalid: 2, CodeNotFound: 3, CodeDenied: 4, CodeThrottled: 5,
		CodeUnavailable: 5, CodeUpstream: 6, CodeIncomplete: 7, CodeDeadline: 124, CodeCanceled: 130,
	} {
		if got := code.ExitStatus(); got != exit {
			t.Errorf("%s.ExitStatus() = %d, want %d", code, got, exit)
		}
	}
}

func TestForeignErrorsShowNothing(t *testing.T) {
	t.Parallel()
	foreign := errors.New("row of Zhang <zhang@example.com> is odd")
	e := AsError(fmt.Errorf("reading: %w", foreign))
	if e.Code != CodeInternal || e.Public() != "internal error" {
		t.Errorf("AsError(foreign) = %s, %q", e.Code, e.Public())
	}
	if !errors.Is(e, foreign) {
		t.Error("the cause is lost to the operator")
	}
	if CodeOf(fmt.Errorf("x: %w", context.Canceled)) != CodeCanceled || CodeOf(context.DeadlineExceeded) != CodeDeadline {
		t.Error("a context's own errors have codes of their own")
	}
}

func TestPublicNamesTheVendorsCode(t *testing.T) {
	t.Parallel()
	e := &Error{Op: "tencent.QueryCustomersCredit", Code: CodeDenied, VendorCode: "AuthFailure.SignatureExpire", RequestID: "r-1", Detail: "set the clock", Err: errors.New("cause")}
	if got, want := e.Public(), "set the clock (AuthFailure.SignatureExpire, request r-1)"; got != want {
		t.Errorf("Public() = %q, want %q", got, want)
	}
	if got, want := e.Error(), "tencent.QueryCustomersCredit: denied: set the clock (AuthFailure.SignatureExpire, request r-1): cause"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestSecretHidesItself(t *testing.T) {
	t.Parallel()
	const key = "planted-key"
	s := NewSecret(key)
	type holder struct{ inner struct{ s Secret } }
	h := holder{}
	h.inner.s = s
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "h", fmt.Sprint(h))
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %X %d %v %+v %#v", s, s, s, s, s, s, s, s, h, h, &h) + log.String() + string(text)
	if strings.Contains(printed, key) || strings.Contains(printed, fmt.Sprintf("%x", key)) {
		t.Errorf("a Secret printed itself: %s", printed)
	}
	if s.Reveal() != key || !s.Equal(NewSecret(key)) || s.Equal(Secret{}) || !(Secret{}).Empty() {
		t.Error("a Secret does not hold what it was given")
	}
}
