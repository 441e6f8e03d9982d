package simulator

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>The service is not available</h1></body></html>\n"

// breakWith answers with a status in place of the answer. Huawei's own 500 is
// JSON, with error_message where its other errors have error_msg; everything
// else is the page of some gateway on the way, with status 200 even that.
func breakWith(status int) disturb {
	return func(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
		if a.huawei && status == http.StatusInternalServerError {
			a.status, a.body = status, []byte(`{"error_code":"CBC.0999","error_message":"Other errors."}`)
			a.send(w)
			return true
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(status)
		w.Write([]byte(htmlPage))
		return true
	}
}

func errorIn200(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
	if a.huawei {
		(&huaweiError{http.StatusOK, "CBC.5001", "The partner does not exist."}).answer(a.requestID, a.ordinal).send(w)
	} else {
		(&tencentError{"InternalError", "An internal error has occurred."}).answer(a.requestID, a.ordinal).send(w)
	}
	return true
}

func vendorBusy(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
	if a.huawei {
		(&huaweiError{http.StatusTooManyRequests, "CBC.0250", "The system is busy."}).answer(a.requestID, a.ordinal).send(w)
	} else {
		(&tencentError{"OperationDenied.ServiceBusy", "The service is busy. Please try again later."}).answer(a.requestID, a.ordinal).send(w)
	}
	return true
}

func replaceBody(body string) disturb {
	return func(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
		a.status, a.body = http.StatusOK, []byte(body)
		a.send(w)
		return true
	}
}

// emptyPage leaves out the list of an answer that has one.
func emptyPage(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
	body := string(a.body)
	open, end := strings.IndexByte(body, '['), strings.LastIndexByte(body, ']')
	if a.status == http.StatusOK && open >= 0 && end > open {
		a.body = []byte(body[:open] + "null" + body[end+1:])
	}
	a.send(w)
	return true
}

func malformedJSON(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
	a.body = a.body[:len(a.body)/2]
	a.send(w)
	return true
}

// truncatedBody promises more than it sends. net/http closes the connection.
func truncatedBody(_ *Simulator, w http.ResponseWriter, _ *http.Request, a answer) bool {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	a.body = a.body[:len(a.body)/2]
	a.send(w)
	return true
}

const giant = 256 << 20

// giantBody starts like a page and repeats one row until the caller stops
// reading, or to its limit.
func giantBody(s *Simulator, w http.ResponseWriter, r *http.Request, a answer) bool {
	start, row := `{"Response":{"Total":1,"RequestId":"`+a.requestID+`","Data":[`, string(mustJSON(s.CreditCustomer(0)))
	if a.huawei {
		start, row = `{"new_customer_tags":[`, string(mustJSON(s.TagCustomer(0)))
	}
	a.setHeader(w)
	sent, err := w.Write([]byte(start))
	chunk := []byte(strings.Repeat(row+",", 64<<10/len(row)))
	for err == nil && sent < giant {
		select {
		case <-s.done:
			panic(http.ErrAbortHandler)
		default:
		}
		var n int
		n, err = w.Write(chunk)
		sent += n
	}
	panic(http.ErrAbortHandler) // the page never ends well
}

// connectionReset sends a reset in place of an answer, where the connection can
// be had; elsewhere (HTTP/2) it breaks the call off.
func connectionReset(_ *Simulator, w http.ResponseWriter, _ *http.Request, _ answer) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	plain := conn
	if t, ok := conn.(*tls.Conn); ok {
		plain = t.NetConn()
	}
	if t, ok := plain.(*net.TCPConn); ok {
		t.SetLinger(0) // closing then sends RST
	}
	plain.Close()
	return true
}

// hang keeps the caller waiting until it goes away or the simulator closes.
func hang(s *Simulator, _ http.ResponseWriter, r *http.Request, _ answer) bool {
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

func longTail(s *Simulator, _ http.ResponseWriter, r *http.Request, a answer) bool {
	delay := time.Second / 2
	if a.ordinal/10%10 == 9 {
		delay = 5 * time.Second
	}
	s.wait(r.Context(), delay)
	return false
}
