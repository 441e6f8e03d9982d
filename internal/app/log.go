package app

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"partnerlens/pkg/transport"
)

// LogLevelSetting names the setting of the log level.
const LogLevelSetting = "PARTNERLENS_LOG_LEVEL"

var logLevels = map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// NewLogger returns the logger of a process. It writes lines of JSON with the program's
// version and the trace, at the level of LogLevelSetting. A nil env is the process's own.
func NewLogger(w io.Writer, env Environment) *slog.Logger {
	lines := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}).WithAttrs([]slog.Attr{slog.String("version", Version)})
	return slog.New(logHandler{lines, &logLevel{env: env.orOwn(), lines: slog.New(lines)}})
}

// logLevel is the level by the setting, which SCF may change between invocations.
type logLevel struct {
	env   Environment
	lines *slog.Logger

	mu     sync.Mutex
	warned string // the last unknown value that was reported
}

func (l *logLevel) Level() slog.Level {
	text := l.env(LogLevelSetting)
	level, ok := logLevels[text]
	if ok {
		return level
	}
	l.mu.Lock()
	again := l.warned == text
	l.warned = text
	l.mu.Unlock()
	if !again {
		l.lines.Warn(LogLevelSetting + ": unknown; write debug, info, warn or error; until then it is info")
	}
	return slog.LevelInfo
}

// logHandler applies the level, and adds the trace to each line.
type logHandler struct {
	slog.Handler
	level *logLevel
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if span, ok := transport.SpanOf(ctx); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", span.TraceID), slog.String("span_id", span.ID))
		if span.Parent != "" {
			r.AddAttrs(slog.String("parent_span_id", span.Parent))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs), h.level}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name), h.level}
}
