package fakellm

import (
	"cmp"
	"net/http"
	"strconv"
)

// An exchange is one request on its way.
type exchange struct {
	server    *Server
	w         http.ResponseWriter
	rc        *http.ResponseController
	r         *http.Request
	wire      *wire
	route     route
	call      call
	plan      plan
	record    Record
	allowance *allowance // nil: no limits of its own
}

// An answer is a rendered reply; only the part that was asked for is there.
type answer struct {
	unary  []byte
	frames []frame
	usage  Usage
}

func (x *exchange) serve() {
	f := x.wire.authenticate(x.record.Key)
	isBench := false
	if f == nil {
		isBench, f = x.decode()
	}
	if f == nil {
		f = x.direct()
	}
	if f == nil {
		f = x.limit()
	}
	if f != nil {
		x.fail(f)
		return
	}
	if !x.wait(x.plan.latency) {
		x.leave(statusClientGone)
		return
	}
	if x.plan.reset {
		x.tear(true)
		return
	}
	if f := x.plan.refusalOf(&x.call); f != nil {
		x.fail(f)
		return
	}
	if x.plan.empty {
		x.record.Status, x.record.Outcome = http.StatusOK, Errored
		x.w.WriteHeader(http.StatusOK)
		return
	}
	x.deliver(x.answer(isBench))
}

// decode reads the request, of a bench model just the model and how it is to be sent.
func (x *exchange) decode() (isBench bool, f *failure) {
	buf, err := x.server.body(x.w, x.r)
	if err != nil {
		return false, bodyFailure(err)
	}
	defer x.server.release(buf)
	switch {
	case x.route.op == opTask: // which may be a form
	case x.route.vendor == Gemini:
		x.call.array = x.call.stream && x.r.URL.Query().Get("alt") != "sse"
	case x.route.vendor == Vertex:
		x.call.array = x.call.stream && x.route.publisher == publisherGoogle && x.r.URL.Query().Get("alt") != "sse"
	case x.route.vendor == Bedrock: // whose signature wants the body read
	default:
		x.sniff(buf.Bytes())
	}
	if isBenchModel(x.call.baseModel()) && !x.call.array && x.route.op == opChat && x.server.bench[x.route.vendor] != nil && x.route.vendor != Bedrock {
		return true, nil
	}
	return false, x.wire.decode(x.r, buf.Bytes(), &x.call)
}

// direct settles what the directives of all sources make of the request.
func (x *exchange) direct() *failure {
	d := x.server.behavior.find(x.route.vendor, x.record.Key, &x.call)
	sources := []string{x.call.model[len(x.call.baseModel()):], "", x.r.Header.Get(directiveName)}
	if x.r.URL.RawQuery != "" {
		sources[1] = x.r.URL.Query().Get(directiveQuery)
	}
	for _, source := range sources {
		if source == "" {
			continue
		}
		more, err := ParseDirective(source)
		if err != nil {
			return invalid("", "%v", err)
		}
		d = append(d, more...)
	}
	if len(d) > 0 {
		x.plan = d.plan(x.server.draw)
	}
	return nil
}

func (x *exchange) answer(isBench bool) answer {
	if isBench {
		return x.server.bench[x.route.vendor].answer(&x.call)
	}
	x.wire.headers(&x.call, x.w.Header())
	r := x.reply()
	a := answer{usage: r.usage}
	if x.call.stream {
		a.frames = x.wire.frames(&x.call, r)
	} else {
		a.unary = x.wire.unary(&x.call, r)
	}
	return a
}

func (x *exchange) reply() *reply {
	switch x.route.op {
	case opEmbed:
		return x.call.embedded(&x.plan)
	case opRank:
		return x.call.rankedReply(x.route.vendor, &x.plan)
	}
	if x.route.op == opTask {
		return x.call.done(&x.plan)
	}
	return x.call.reply(&x.plan)
}

func (x *exchange) deliver(a answer) {
	x.tellLimits()
	x.record.Status, x.record.Usage = http.StatusOK, a.usage
	x.record.Outcome = Complete
	if x.call.stream {
		x.record.noOutput()
		x.stream(a.frames)
		return
	}
	x.unary(a.unary)
}

// unary sends a whole body. The reply is billed in full, sent or not, unless it never came.
func (x *exchange) unary(body []byte) {
	if x.plan.stall.set {
		x.record.noOutput()
		<-x.r.Context().Done()
		x.leave(statusClientGone)
		return
	}
	if x.plan.malformed.set {
		body = body[:len(body)/2]
	}
	h := x.w.Header()
	h.Set("Content-Type", cmp.Or(x.call.kind, x.wire.json))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(http.StatusOK)
	if !x.beforeFirstByte() {
		return
	}
	if x.plan.cut.set {
		body = body[:len(body)/2]
	}
	if !x.write(body, true) {
		x.leave(http.StatusOK)
		return
	}
	if x.plan.cut.set {
		x.tear(false)
	}
}

// stream sends frames, and bills each as it is generated.
func (x *exchange) stream(frames []frame) {
	h := x.w.Header()
	h.Set("Content-Type", cmp.Or(x.call.kind, x.wire.events))
	if x.call.array {
		h.Set("Content-Type", x.wire.json)
	}
	h.Set("Cache-Control", "no-cache")
	x.w.WriteHeader(http.StatusOK)
	if !x.beforeFirstByte() {
		return
	}
	sent, broken := int64(0), false
	for i := range frames {
		f := &frames[i]
		data := f.data
		if f.content || f.end {
			if x.interrupted(sent, f.end) {
				return
			}
			if !broken && due(x.plan.malformed, sent, f.end) {
				data, broken = x.wire.broken(data), true
			}
		}
		x.record.Output += f.output
		x.record.Reasoning += f.reasoning
		x.record.AudioOutput += f.audio
		x.record.ImageOutput += f.image
		if f.content {
			sent++
		}
		if !x.write(data, f.content) || x.rc.Flush() != nil {
			x.leave(http.StatusOK)
			return
		}
	}
}

// beforeFirstByte sends the header alone when the first byte is to be slow; false when the client
// did not wait for it.
func (x *exchange) beforeFirstByte() bool {
	if x.plan.first == 0 {
		return true
	}
	// A failed flush shows as the end of the context.
	_ = x.rc.Flush()
	if !x.wait(x.plan.first) {
		x.leave(http.StatusOK)
		return false
	}
	return true
}

// interrupted ends a stream at a position if the plan says so.
func (x *exchange) interrupted(sent int64, end bool) bool {
	p := &x.plan
	switch {
	case due(p.stall, sent, end):
		<-x.r.Context().Done()
		x.leave(http.StatusOK)
	case due(p.fault, sent, end):
		x.record.Outcome = Errored
		x.write(x.wire.fault(&x.call, &failure{status: http.StatusInternalServerError}), false)
	case due(p.cut, sent, end):
		x.tear(false)
	case p.noEnd && end:
		x.record.Outcome = Cut
	default:
		return false
	}
	return true
}

// due says whether a position is reached; the end of the reply reaches all.
func due(at number, sent int64, end bool) bool { return at.set && (sent >= at.n || end) }
