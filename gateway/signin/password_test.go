package signin_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
)

// cheap is a cost for tests that are about something else.
func cheap() signin.Cost { return signin.Cost{Memory: 8, Time: 1, Threads: 1} }

func TestCheckPassword(t *testing.T) {
	for password, code := range map[string]string{
		"":            "short_password",
		"elevenchar!": "short_password",
		"o\u0308o\u0308o\u0308o\u0308o\u0308o\u0308": "short_password", // 6 of them
		"passwörter sind 🔑":                          "",
		strings.Repeat("kö", 64):                     "common_password",
		"x" + strings.Repeat("kö", 64):               "long_password",
		strings.Repeat("kölü zürä", 14) + "!!":       "", // 128
		"correct horse battery staple":               "",
		"\xff\xfe broken text here":                  "invalid_password",
		"qwertyuiop[]":                               "common_password",
		"Password1234!":                              "common_password",
		"PASSWORDPASSWORD":                           "common_password",
		"aaaaaaaaaaaa":                               "common_password",
		"abcabcabcabc":                               "common_password",
		"123456789012":                               "common_password",
		"210987654321":                               "common_password",
		"abcdefghijkl":                               "common_password",
		"ann@acme.test":                              "common_password",
		"annalise.berg2026":                          "common_password",
		"1qaz2wsx3edc":                               "common_password",
	} {
		address := "ann@acme.test"
		if strings.HasPrefix(password, "annalise") {
			address = "annalise.berg@acme.test"
		}
		err := signin.CheckPassword("new", password, address)
		if err == nil && code == "" {
			continue
		}
		if e := gateway.AsError(err); err == nil || e.Code != code || e.Param != "new" || e.Kind != gateway.Invalid || strings.Contains(e.Public, password) && password != "" {
			t.Errorf("%q: %v, want %q", password, err, code)
		}
	}
}

func TestHash(t *testing.T) {
	h := signin.NewHasher(cheap())
	hash, err := h.Hash(t.Context(), "Ångström unit of length")
	if err != nil || !strings.HasPrefix(hash.Reveal(), "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("%s, %v", hash.Reveal(), err)
	}
	dear := signin.NewHasher(signin.Cost{Memory: 16, Time: 1, Threads: 1})
	for _, tt := range []struct {
		name        string
		by          *signin.Hasher
		hash        string
		password    string
		right, weak bool
	}{
		{"right", h, hash.Reveal(), "Ångström unit of length", true, false},
		{"decomposed", h, hash.Reveal(), "A\u030angstro\u0308m unit of length", true, false},
		{"wrong", h, hash.Reveal(), "Angstrom unit of length", false, false},
		{"by one who takes more", dear, hash.Reveal(), "Ångström unit of length", true, true},
		{"nobody's", h, "", "Ångström unit of length", false, false},
		{"of another kind", h, strings.Replace(hash.Reveal(), "argon2id", "argon2i", 1), "Ångström unit of length", false, false},
		{"of too much", h, strings.Replace(hash.Reveal(), "m=8", "m=4294967295", 1), "Ångström unit of length", false, false},
		{"cut", h, hash.Reveal()[:len(hash.Reveal())-4], "Ångström unit of length", false, false},
	} {
		before := tt.by.Runs()
		right, weak, err := tt.by.Verify(t.Context(), control.NewSecret(tt.hash), tt.password)
		if err != nil || right != tt.right || weak != tt.weak || tt.by.Runs() != before+1 {
			t.Errorf("%s: right %t, weak %t, %d runs, %v", tt.name, right, weak, tt.by.Runs()-before, err)
		}
	}
}

// TestDefaultCost holds what is advised.
func TestDefaultCost(t *testing.T) {
	if c := signin.DefaultCost(); c != (signin.Cost{Memory: 19456, Time: 2, Threads: 1}) {
		t.Errorf("%+v", c)
	}
}
