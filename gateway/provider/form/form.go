// Package form reads multipart forms of any size in bounded memory, and sends them on.
//
// A form is read whole before any vendor is called: clients name the model behind the
// file as often as before it, and a vendor that fails after having read half a file
// could not be followed by another. What does not fit in little memory goes to a file
// that has no name any more when its first byte is written, so that nothing is left of
// it whatever dies; all forms of a process together have a bound. [TestBoundedMemory,
// TestNothingIsLeft, TestStoreIsFull]
package form

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
)

// Bounds of a form.
const (
	maxParts = 256
	maxValue = 64 << 10 // bytes of a field's value that is kept; a longer one is only sent on
)

// Form is a client's form. It must be closed.
type Form struct {
	// ContentType is what the form is sent with.
	ContentType string
	Fields      []Field // in their order
	Files       []File  // likewise

	spool *spool
}

// Field is a part that is no file.
type Field struct {
	Name  string
	Value string // empty if it is not Whole
	Whole bool   // the value is no longer than what is kept
	at    extent // of the value
}

// File is a part that has a file's name.
type File struct {
	Field, Name string
	at          extent
}

// Size is the file's length in bytes.
func (f *File) Size() int64 { return f.at.to - f.at.from }

// extent is a stretch of the form.
type extent struct{ from, to int64 }

// MalformedError says what is wrong with a form, in a client's words.
type MalformedError struct{ Reason string }

// Error gives the reason.
func (e *MalformedError) Error() string { return "form: " + e.Reason }

// torn is a form that ends too early, or is none.
func torn() error { return malformed("is not whole, or not in the form's format") }

func malformed(format string, args ...any) error {
	return &MalformedError{Reason: fmt.Sprintf(format, args...)}
}

// Read reads a form from r. Errors are a [*MalformedError], [ErrFull], those of r, and
// those of the disk.
func (s *Store) Read(r io.Reader, contentType string) (*Form, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, malformed("the Content-Type must be multipart/form-data with a boundary")
	}
	f := &Form{spool: &spool{store: s}}
	out := multipart.NewWriter(f.spool)
	if err := out.SetBoundary(params["boundary"]); err != nil {
		return nil, malformed("the boundary is not valid")
	}
	f.ContentType = out.FormDataContentType()
	in := &source{r: r, last: []byte("--" + params["boundary"] + "--")}
	err = f.read(multipart.NewReader(in, params["boundary"]), out)
	if err == nil && !in.ended {
		err = torn()
	}
	if err != nil {
		f.Close()
		return nil, cmp.Or(f.spool.err, in.err, err)
	}
	return f, nil
}

// source remembers what went wrong with a client's bytes, as opposed to their form, and
// whether the form's end was among them: [multipart.Reader] takes one that ends in the
// header of a part for whole.
type source struct {
	r     io.Reader
	err   error
	last  []byte // what ends the form
	ended bool
	tail  []byte // of what was read, shorter than last
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if !s.ended {
		s.look(b[:n])
	}
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}

// look looks for the end of the form in what was read, and across its edge to what was
// read before.
func (s *source) look(b []byte) {
	short := len(s.last) - 1
	s.tail = append(s.tail, b[:min(len(b), short)]...)
	s.ended = bytes.Contains(s.tail, s.last) || bytes.Contains(b, s.last)
	keep := s.tail
	if len(b) > short {
		keep = b
	}
	s.tail = append(s.tail[:0], keep[max(0, len(keep)-short):]...)
}

func (f *Form) read(in *multipart.Reader, out *multipart.Writer) error {
	for {
		part, err := in.NextRawPart()
		switch {
		case err == io.EOF:
			return out.Close()
		case err != nil:
			return torn()
		case len(f.Fields)+len(f.Files) == maxParts:
			return malformed("has more than %d parts", maxParts)
		case part.FormName() == "":
			return malformed("part %d has no name", len(f.Fields)+len(f.Files)+1)
		}
		if err := f.part(part, out); err != nil {
			return err
		}
	}
}

func (f *Form) part(part *multipart.Part, out *multipart.Writer) error {
	w, err := out.CreatePart(part.Header)
	if err != nil {
		return err
	}
	at := extent{from: f.spool.size}
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition")) // FormName has read it
	if name, isFile := params["filename"]; isFile {
		if _, err := io.Copy(w, part); err != nil {
			return torn()
		}
		at.to = f.spool.size
		f.Files = append(f.Files, File{Field: part.FormName(), Name: name, at: at})
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(part, maxValue+1))
	if err == nil {
		_, err = w.Write(value)
	}
	field := Field{Name: part.FormName(), Whole: len(value) <= maxValue}
	switch {
	case err != nil:
		return torn()
	case field.Whole:
		field.Value = string(value)
	default:
		if _, err := io.Copy(w, part); err != nil {
			return torn()
		}
	}
	at.to = f.spool.size
	field.at = at
	f.Fields = append(f.Fields, field)
	return nil
}

// Open reads a file. It may be read as long as the form is not closed.
func (f *Form) Open(file *File) io.ReaderAt {
	return io.NewSectionReader(f.spool, file.at.from, file.Size())
}

// With is the form with another value in a field, all else to the byte: how to read it,
// as often as is wanted, and how long it is. A form without the field stays as it is.
func (f *Form) With(name, value string) (open func() io.Reader, size int64) {
	at := extent{}
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			at = f.Fields[i].at
		}
	}
	if at == (extent{}) {
		value = ""
	}
	open = func() io.Reader {
		return io.MultiReader(
			io.NewSectionReader(f.spool, 0, at.from),
			io.NewSectionReader(stringAt(value), 0, int64(len(value))),
			io.NewSectionReader(f.spool, at.to, f.spool.size-at.to),
		)
	}
	return open, f.spool.size - (at.to - at.from) + int64(len(value))
}

// Close gives back what the form takes up. Who reads it still gets an error.
func (f *Form) Close() { f.spool.close() }
