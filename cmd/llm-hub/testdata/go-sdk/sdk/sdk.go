// Package sdk is what the clients of all SDKs in Go share: what is asked, and how
// cases are run.
package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// UnknownKey is no key of the hub's.
const UnknownKey = "no-such-key-0123456789-0123456789-01234"

// Question is what most cases ask; the answer echoes it.
const Question = "Say something about the sea."

// Hub is where the hub is.
func Hub() string { return os.Getenv("HUB_URL") }

// Key is a key that may do everything.
func Key() string { return os.Getenv("HUB_KEY") }

// LimitedKey is a key that may ask once.
func LimitedKey() string { return os.Getenv("HUB_LIMITED_KEY") }

// Vendors are the wire formats behind the hub.
func Vendors() []string { return []string{"openai", "anthropic", "gemini"} }

// CitySchema is what the tool of the cases takes.
func CitySchema() map[string]any {
	return map[string]any{
		"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"},
	}
}

// AnswerSchema is what a structured answer must fit.
func AnswerSchema() map[string]any {
	return map[string]any{
		"type": "object", "additionalProperties": false, "required": []string{"title", "year"},
		"properties": map[string]any{"title": map[string]any{"type": "string"}, "year": map[string]any{"type": "integer"}},
	}
}

// CheckAnswer checks a text that must fit [AnswerSchema].
func CheckAnswer(text string) error {
	var answer struct {
		Title *string `json:"title"`
		Year  *int    `json:"year"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	return Want(answer.Title != nil && answer.Year != nil, "answer %s", text)
}

// CheckCity checks the arguments of a call.
func CheckCity(arguments string) error {
	var args struct {
		City *string `json:"city"`
	}
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return err
	}
	return Want(args.City != nil, "arguments %s", arguments)
}

// AboutSea checks an answer to [Question].
func AboutSea(text string) error {
	return Want(strings.Contains(text, "sea"), "answer %q", text)
}

// Want is an error that says what is there unless ok.
func Want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// Case is one thing that must work.
type Case struct {
	Name string
	Test func() error
}

// ForEach makes a case that must work with each of the models.
func ForEach(name, prefix string, test func(model string) error) Case {
	return Case{Name: name, Test: func() error {
		var all []error
		for _, v := range Vendors() {
			if err := test(prefix + v); err != nil {
				all = append(all, fmt.Errorf("%s%s: %w", prefix, v, err))
			}
		}
		return errors.Join(all...)
	}}
}

// Run runs every case to its end, and ends the process.
func Run(cases ...Case) {
	failed := 0
	for _, c := range cases {
		if err := c.Test(); err != nil {
			failed++
			fmt.Printf("not ok %s: %v\n", c.Name, err)
			continue
		}
		fmt.Printf("ok %s\n", c.Name)
	}
	if failed > 0 {
		os.Exit(1)
	}
}
