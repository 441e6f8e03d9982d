package emulator

// The messages of SCF's protocol. encoding/gob goes by the names of fields, so
// they have those of scf-go-lib's cloudfunction/messages.

type pingRequest struct{}

type pingResponse struct{}

type timestamp struct {
	Seconds int64
	Nanos   int64
}

type invokeRequest struct {
	Payload               []byte
	RequestId             string
	TraceId               string
	Deadline              timestamp
	InvokedFunctionUnique string
	ClientContext         []byte
	Namespace             string
	FunctionName          string
	FunctionVersion       string
	MemoryLimitInMb       int32
	TimeLimitInMs         int32
	Environment           string
	TencentcloudRegion    string
	TencentcloudAppID     string
	TencentcloudUin       string
	FunctionTrace         string
}

type invokeResponse struct {
	Payload []byte
	Error   *invokeError
}

type invokeError struct {
	Message    string
	Type       string
	StackTrace []*stackFrame
	ShouldExit bool
}

type stackFrame struct {
	Path  string
	Line  int32
	Label string
}
