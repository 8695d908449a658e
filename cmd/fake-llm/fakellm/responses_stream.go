package fakellm

// responsesEvent is any event of a stream; which members it has its type decides.
type responsesEvent struct {
	Type      string           `json:"type"`
	Sequence  int              `json:"sequence_number"`
	Response  *responsesAnswer `json:"response,omitempty"`
	ItemID    string           `json:"item_id,omitempty"`
	Output    *int             `json:"output_index,omitempty"`
	Content   *int             `json:"content_index,omitempty"`
	Summary   *int             `json:"summary_index,omitempty"`
	Item      *responsesOut    `json:"item,omitempty"`
	Part      *responsesPart   `json:"part,omitempty"`
	Delta     *string          `json:"delta,omitempty"`
	Name      string           `json:"name,omitempty"`
	Text      *string          `json:"text,omitempty"`
	Refusal   *string          `json:"refusal,omitempty"`
	Arguments *string          `json:"arguments,omitempty"`
	Logprobs  *[]any           `json:"logprobs,omitempty"`
	Obfuscate string           `json:"obfuscation,omitempty"`
}

// responsesStream writes the events of one stream.
type responsesStream struct {
	call    *call
	reply   *reply
	pending int64 // hidden reasoning tokens not yet billed
	output  []any
	frames  []frame
}

func responsesFrames(c *call, r *reply) []frame {
	s := &responsesStream{call: c, reply: r, pending: r.hidden}
	head := responsesHead(c)
	s.add(frame{}, responsesEvent{Type: "response.created", Response: &head})
	s.add(frame{}, responsesEvent{Type: "response.in_progress", Response: &head})
	for _, seg := range segmentsOf(r) {
		s.segment(seg)
	}
	last := head.finish(c, r, s.output)
	s.add(frame{output: s.pending, reasoning: s.pending, end: true}, responsesEvent{Type: "response." + last.Status, Response: &last})
	c.memory.keep(c, head.ID, indentedJSON(last), s.output)
	return s.frames
}

func (s *responsesStream) add(f frame, e responsesEvent) {
	e.Sequence = len(s.frames)
	f.data = append([]byte("event: "+e.Type+"\n"), sseData(compactJSON(e), "\n")...)
	s.frames = append(s.frames, f)
}

func (s *responsesStream) segment(seg segment) {
	item, index := responsesItemOf(s.call, s.reply, seg), len(s.output)
	s.add(frame{}, responsesEvent{Type: "response.output_item.added", Output: &index, Item: &item})
	switch {
	case seg.kind == segmentTool:
		s.pieces(seg, item.ID, index)
		s.add(frame{}, responsesEvent{
			Type: "response.function_call_arguments.done", ItemID: item.ID, Output: &index, Name: seg.name, Arguments: &seg.text,
		})
	case seg.kind == segmentThought && seg.text == "": // nothing is shown
	default:
		s.part(seg, item.ID, index)
	}
	done := item.said(s.reply, seg)
	s.output = append(s.output, done)
	s.add(frame{}, responsesEvent{Type: "response.output_item.done", Output: &index, Item: &done})
}

// part is a text with its beginning and its end.
func (s *responsesStream) part(seg segment, id string, index int) {
	empty, whole := responsesPartOf(s.reply, seg, ""), responsesPartOf(s.reply, seg, seg.text)
	first := 0
	about := func(typ string) responsesEvent {
		e := responsesEvent{Type: typ, ItemID: id, Output: &index}
		if seg.kind == segmentThought {
			e.Summary = &first
		} else {
			e.Content = &first
		}
		return e
	}
	kind := "response.content_part"
	if seg.kind == segmentThought {
		kind = "response.reasoning_summary_part"
	}
	begin, end, done := about(kind+".added"), about(kind+".done"), about(responsesWord(s.reply, seg)+".done")
	begin.Part, end.Part = &empty, &whole
	done.Text, done.Refusal, done.Logprobs = whole.Text, whole.Refusal, whole.Logprobs
	s.add(frame{}, begin)
	s.pieces(seg, id, index)
	s.add(frame{}, done)
	s.add(frame{}, end)
}

// responsesWord begins the types of the events of a segment's text.
func responsesWord(r *reply, seg segment) string {
	switch {
	case seg.kind == segmentTool:
		return "response.function_call_arguments"
	case seg.kind == segmentThought:
		return "response.reasoning_summary_text"
	case r.finish == finishRefusal:
		return "response.refusal"
	}
	return "response.output_text"
}

func (s *responsesStream) pieces(seg segment, id string, index int) {
	first := 0
	for _, p := range s.reply.pieces(seg.text) {
		f := frame{output: p.tokens + s.pending, reasoning: s.pending, content: true}
		s.pending = 0
		e := responsesEvent{Type: responsesWord(s.reply, seg) + ".delta", ItemID: id, Output: &index, Delta: &p.text}
		switch seg.kind {
		case segmentThought:
			f.reasoning, e.Summary = p.tokens, &first
		case segmentText:
			e.Content = &first
			if s.reply.finish != finishRefusal {
				e.Logprobs = &[]any{}
			}
		}
		e.Obfuscate = s.call.ids.next("", 1+len(s.frames)%8)
		s.add(f, e)
	}
}

// responsesFault is an error in mid-stream.
func responsesFault(c *call, f *failure) []byte {
	e := openaiErrorOf(c, f).Error
	body := compactJSON(map[string]any{
		"type": "error", "code": e.Type, "message": e.Message, "param": e.Param, "sequence_number": 0,
	})
	return append([]byte("event: error\n"), sseData(body, "\n")...)
}
