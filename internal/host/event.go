package host

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// event is every member of every known shape: an event is decoded into it once
// and then told by what it has. Member names are matched with their case, so
// SCF's Type and another cloud's type do not meet.
type event struct {
	// API triggers.
	Version               string          `json:"version"`
	RequestContext        *requestContext `json:"requestContext"`
	HTTPMethod            string          `json:"httpMethod"`
	Resource              *string         `json:"resource"`
	Path                  string          `json:"path"`
	RawPath               string          `json:"rawPath"`
	RouteKey              string          `json:"routeKey"`
	PathParameters        pairs           `json:"pathParameters"`
	RawQuery              string          `json:"rawQueryString"`
	Cookies               []string        `json:"cookies"`
	Headers               pairs           `json:"headers"`
	MultiValueHeaders     pairs           `json:"multiValueHeaders"`
	Query                 pairs           `json:"queryString"`
	QueryParameters       pairs           `json:"queryStringParameters"`
	MultiValueQueryParams pairs           `json:"multiValueQueryStringParameters"`
	Body                  string          `json:"body"`
	IsBase64Encoded       bool            `json:"isBase64Encoded"`

	// SCF timer.
	Type        string `json:"Type"`
	TriggerName string `json:"TriggerName"`
	Time        string `json:"Time"`
	Message     string `json:"Message"`

	// FunctionGraph timer.
	GraphTriggerType string `json:"trigger_type"`
	GraphTriggerName string `json:"trigger_name"`
	UserEvent        string `json:"user_event"`

	// EventBridge; time is FunctionGraph's too.
	Source     string         `json:"source"`
	DetailType *string        `json:"detail-type"`
	Detail     jsontext.Value `json:"detail"`
	ID         string         `json:"id"`
	Resources  []string       `json:"resources"`
	LowerTime  string         `json:"time"`

	// SQS.
	Records *[]sqsRecord `json:"Records"`
}

// requestContext is what the API triggers tell of a request, beside it.
type requestContext struct {
	HTTP *struct {
		Method   string `json:"method"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	ELB        jsontext.Value `json:"elb"`
	Stage      string         `json:"stage"`
	DomainName string         `json:"domainName"`
	SourceIP   string         `json:"sourceIp"`
	Identity   struct {
		SourceIP string         `json:"sourceIp"`
		UserARN  jsontext.Value `json:"userArn"`
	} `json:"identity"`
	Authorizer jsontext.Value `json:"authorizer"`
}

// decoded is what an event turned out to be: a request, jobs, or a ping that keeps the function
// warm.
type decoded struct {
	trigger string
	api     *apiRequest
	jobs    []Job // one, unless fromQueue
	queue   bool  // answer message by message
	warmUp  bool
}

// decode reads an event as a platform sends it.
func decode(raw []byte) (decoded, error) {
	if isWarmUpText(raw) {
		return decoded{trigger: TriggerWarmUp, warmUp: true}, nil
	}
	if kind := jsontext.Value(raw).Kind(); kind != '{' {
		return decoded{}, unknownEvent("the event is not a JSON object", nil)
	}
	var e event
	err := unmarshalForeign(raw, &e)
	if where := memberOf(err); where != "" {
		return decodeWithout(raw, where, err)
	}
	if err != nil {
		return decoded{}, unknownEvent("the event is not valid JSON", err)
	}
	return e.decode(raw)
}

// unmarshalForeign reads JSON of a platform's. It may repeat a name; the last one counts, as
// with the platforms' own libraries.
func unmarshalForeign(raw []byte, v any) error {
	return json.Unmarshal(raw, v, jsontext.AllowDuplicateNames(true))
}

// decodeWithout reads an event of which a member is not what any known platform sends there. If
// the rest is an API event, its caller gets the answer that says so: a failed invocation would be
// a status 502 of the gateway's without a reason. Any other event is refused.
func decodeWithout(raw []byte, member string, cause error) (decoded, error) {
	failure := unknownEvent("the event's member "+member+" is not what any known platform sends there", cause)
	answer := &core.Error{Op: "host.decode", Code: core.CodeInvalid, Err: cause, Detail: "the event's member " + member + " is not of the form that this kind of trigger sends"}
	for range maxWrongMembers {
		var members map[string]jsontext.Value
		if err := unmarshalForeign(raw, &members); err != nil {
			return decoded{}, failure
		}
		delete(members, member)
		rest, err := json.Marshal(members)
		if err != nil {
			return decoded{}, failure
		}
		var e event
		if err := unmarshalForeign(rest, &e); err != nil {
			raw, member = rest, memberOf(err)
			continue
		}
		d, err := e.decode(rest)
		if err != nil || d.api == nil {
			return decoded{}, failure
		}
		d.api.failure = answer
		return d, nil
	}
	return decoded{}, failure
}

// maxWrongMembers is how many members are taken off an event before it is refused.
const maxWrongMembers = 4

// decode decides which shape an event has. raw is the whole event.
func (e *event) decode(raw []byte) (decoded, error) {
	// The order matters: later shapes have members of earlier ones.
	switch rc := e.RequestContext; {
	case rc != nil && rc.HTTP != nil:
		return apiEvent(e.httpAPI())
	case rc != nil && rc.ELB != nil:
		return apiEvent(e.alb())
	case e.HTTPMethod != "" && e.Resource != nil:
		return apiEvent(e.restAPI())
	case e.HTTPMethod != "" && rc != nil:
		return apiEvent(e.scfAPIGateway())
	case e.HTTPMethod != "":
		return apiEvent(e.scfFunctionURL())
	case rc != nil:
		return decoded{}, unknownEvent("the event's requestContext is of an unknown kind", nil)
	case e.Type == "Timer":
		return jobEvent(e.scfTimer())
	case e.Type != "":
		return decoded{}, unknownEvent("the event's Type is not Timer", nil)
	case e.GraphTriggerType == "TIMER":
		return jobEvent(e.functionGraphTimer())
	case e.GraphTriggerType != "":
		return decoded{}, unknownEvent("the event's trigger_type is not TIMER", nil)
	case e.Source == "aws.events", e.Source == "aws.scheduler":
		return jobEvent(e.eventBridge())
	case isWarmUp(raw):
		return decoded{trigger: TriggerWarmUp, warmUp: true}, nil
	case e.Source != "" || e.DetailType != nil:
		return decoded{}, unknownEvent("the event's source is neither aws.events nor aws.scheduler", nil)
	case e.Records != nil:
		return e.sqs()
	}
	// Anything else is the query itself, or what the Job refuses by the name of
	// the first parameter that it does not know.
	return jobEvent(Job{Trigger: TriggerDirect, Payload: raw}, nil)
}

func apiEvent(r *apiRequest) (decoded, error) {
	return decoded{trigger: r.trigger, api: r}, nil
}

func jobEvent(job Job, err error) (decoded, error) {
	if err == nil && isWarmUp(job.Payload) {
		return decoded{trigger: TriggerWarmUp, warmUp: true}, nil
	}
	return decoded{trigger: job.Trigger, jobs: []Job{job}}, err
}

const knownShapes = `an API event (API Gateway HTTP API or REST API, Lambda Function URL, Application Load Balancer, SCF Function URL or API Gateway), ` +
	`a schedule (EventBridge rule or Scheduler, SCF timer, FunctionGraph timer), an SQS batch, ` +
	`or the query itself as a JSON object, as {"limit":10}`

func unknownEvent(what string, cause error) *core.Error {
	return &core.Error{
		Op: "host.decode", Code: core.CodeInvalid, Err: cause,
		Detail: what + "; known are " + knownShapes,
	}
}

// memberOf names the event's own member in which decoding failed. Only members
// of event fail, so the name is always one of ours.
func memberOf(err error) string {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/")
	return name
}

// queryIn gives the query that a schedule carries: a JSON object, as such or as
// a text. Nothing, an empty text and {} carry none. Any other text is refused:
// passed over, a misspelt query would be a question about every customer.
func queryIn(text []byte, where string) ([]byte, error) {
	text = []byte(strings.TrimSpace(string(text)))
	if len(text) == 0 {
		return nil, nil
	}
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) || text[0] != '{' {
		return nil, core.Invalid(where, `not a JSON object; write the query there, as {"limit":10}, or leave it empty for everyone`)
	}
	if strings.TrimSpace(string(text[1:len(text)-1])) == "" {
		return nil, nil
	}
	return text, nil
}
