package host

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// event has the members of every known shape. Its shape follows from the members
// that an event has. Member names are matched with their case, so that SCF's Type
// and another platform's type stay apart.
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

// requestContext is what API triggers add to a request.
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

// decoded is a decoded event: a request, or jobs; a warm-up event has neither.
type decoded struct {
	trigger string
	api     *apiRequest
	jobs    []Job // one, unless the trigger is TriggerSQS
}

// decode reads an event as a platform sends it.
func decode(raw []byte) (decoded, error) {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte(warmUpText)) {
		return decoded{trigger: TriggerWarmUp}, nil
	}
	if kind := jsontext.Value(raw).Kind(); kind != '{' {
		return decoded{}, unknownEvent("the event is not a JSON object", nil)
	}
	var e event
	err := unmarshalForeign(raw, &e)
	if member := memberOf(err); member != "" {
		return decodeWithout(raw, member, err)
	}
	if err != nil {
		return decoded{}, unknownEvent("the event is not valid JSON", err)
	}
	return e.decode(raw)
}

// unmarshalForeign reads a platform's JSON. If a name is repeated, the last member
// counts, as in the platforms' own libraries.
func unmarshalForeign(raw []byte, v any) error {
	return json.Unmarshal(raw, v, jsontext.AllowDuplicateNames(true))
}

// maxWrongMembers is how many members decodeWithout removes before it rejects the event.
const maxWrongMembers = 4

// decodeWithout reads an event without a member that has an unexpected type. If the
// rest is an API event, the caller gets a problem that names the member: after a failed
// invocation the gateway would answer with a bare status 502. Any other event is rejected.
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

// decode finds out which shape an event has. raw is the whole event.
func (e *event) decode(raw []byte) (decoded, error) {
	// The order matters: later shapes have members of earlier ones.
	switch rc := e.RequestContext; {
	case rc != nil && rc.HTTP != nil:
		return requestEvent(e.httpAPI())
	case rc != nil && rc.ELB != nil:
		return requestEvent(e.alb())
	case e.HTTPMethod != "" && e.Resource != nil:
		return requestEvent(e.restAPI())
	case e.HTTPMethod != "" && rc != nil:
		return requestEvent(e.scfAPIGateway())
	case e.HTTPMethod != "":
		return requestEvent(e.scfFunctionURL())
	case rc != nil:
		return decoded{}, unknownEvent("the event's requestContext is of an unknown kind", nil)
	case e.Type == "Timer": // "Trigger Event Message Structure Summary", 2024-11-06
		job := Job{Trigger: TriggerSCFTimer, Name: e.TriggerName, Scheduled: parseTime(e.Time)}
		return scheduleEvent(job, []byte(e.Message), "Message")
	case e.Type != "":
		return decoded{}, unknownEvent("the event's Type is not Timer", nil)
	case e.GraphTriggerType == "TIMER": // "Supported Trigger Events for FunctionGraph", gathered November 2026
		job := Job{Trigger: TriggerFunctionGraph, Name: e.GraphTriggerName, Scheduled: parseTime(e.LowerTime)}
		return scheduleEvent(job, []byte(e.UserEvent), "user_event")
	case e.GraphTriggerType != "":
		return decoded{}, unknownEvent("the event's trigger_type is not TIMER", nil)
	case e.Source == "aws.events", e.Source == "aws.scheduler":
		return e.eventBridge()
	case isWarmUp(raw):
		return decoded{trigger: TriggerWarmUp}, nil
	case e.Source != "" || e.DetailType != nil:
		return decoded{}, unknownEvent("the event's source is neither aws.events nor aws.scheduler", nil)
	case e.Records != nil:
		return e.sqs()
	}
	// Anything else is the query itself; Options.Job rejects unknown parameters by name.
	return decoded{trigger: TriggerDirect, jobs: []Job{{Trigger: TriggerDirect, Payload: raw}}}, nil
}

func requestEvent(r *apiRequest) (decoded, error) {
	return decoded{trigger: r.Trigger, api: r}, nil
}

// request reads the members that the shapes of API events have in common. Maps with one
// value a name hold the last value only; they count if the maps of lists are missing.
func (e *event) request(trigger string) *apiRequest {
	r := &apiRequest{
		Origin: Origin{Trigger: trigger}, method: e.HTTPMethod, path: e.Path, query: e.parameters().query(),
		header: e.Headers.header(), body: []byte(e.Body),
		envelope: envelope{limit: maxAnswer, flag: true},
	}
	if e.MultiValueHeaders != nil {
		r.header, r.envelope.lists = e.MultiValueHeaders.header(), true
	}
	if e.IsBase64Encoded {
		var err error
		if r.body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			r.failure = core.Invalid("body", "isBase64Encoded is true, and the body is not base64")
		}
	}
	return r
}

// parameters returns the parameters of the URL's query.
func (e *event) parameters() pairs {
	switch {
	case e.Query != nil:
		return e.Query
	case e.MultiValueQueryParams != nil:
		return e.MultiValueQueryParams
	}
	return e.QueryParameters
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

// memberOf returns the name of the event's member in which decoding failed. Only
// members of event can fail, so the name is never text from outside.
func memberOf(err error) string {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/")
	return name
}
