package foreign_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/control/foreign"
)

// TestOneAPI holds a whole database: what becomes of it, what is told, and that keys go on working.
func TestOneAPI(t *testing.T) {
	for _, name := range []string{"oneapi.sql", "newapi.json"} {
		t.Run(name, func(t *testing.T) {
			r, err := foreign.OneAPI([]foreign.File{file(t, name)}, loader(t))
			if err != nil {
				t.Fatal(err)
			}
			c := accepted(t, r.YAML)
			base, _, _ := strings.Cut(name, ".")
			golden(t, base+".hub.yaml", string(r.YAML))
			golden(t, base+".txt", told(r))
			if strings.Contains(told(r)+string(r.YAML), "not-to-be-shown") {
				t.Error("something is shown that must not be")
			}
			for _, letter := range map[string][]string{"oneapi": {"a", "b", "c", "d"}, "newapi": {"f"}}[base] {
				secret := "sk-" + strings.Repeat(letter, 48)
				if c.KeyBySecret(secret) == nil {
					t.Errorf("a key of %s does not work any more", letter)
				}
				if strings.Contains(told(r)+string(r.YAML), secret[3:]) {
					t.Errorf("a key of %s is shown", letter)
				}
			}
		})
	}
}

// TestDumps: the same rows in the words of three databases.
func TestDumps(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, text := range map[string]string{
		"mysql": "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `channels`;\nCREATE TABLE `channels` (\n  `id` bigint NOT NULL AUTO_INCREMENT,\n  `type` bigint DEFAULT '0',\n" +
			"  `key` longtext NOT NULL,\n  `status` bigint DEFAULT 1,\n  `name` varchar(191),\n  `models` text,\n  PRIMARY KEY (`id`),\n  KEY `idx` (`name`)\n) ENGINE=InnoDB;\n" +
			"LOCK TABLES `channels` WRITE;\nINSERT INTO `channels` VALUES (1,1,'sk-x',1,'it\\'s (one); here','gpt-4o'),(2,1,'sk-y',1,'two','gpt-4o');\nUNLOCK TABLES;\n" +
			"CREATE TABLE `tokens` (`id` bigint, `user_id` bigint, `key` char(48), `status` int, `name` text, `expired_time` bigint, `remain_quota` bigint, `unlimited_quota` tinyint(1));\n" +
			"INSERT INTO `tokens` VALUES (1,1,'" + key + "',1,'k',-1,0,1);\n",
		"postgres": "COPY public.channels (id, type, key, status, name, models) FROM stdin;\n1\t1\tsk-x\t1\tit's\\tone\tgpt-4o\n2\t1\tsk-y\t1\ttwo\tgpt-4o\n\\.\n\n" +
			"COPY public.logs (id, content) FROM stdin;\n1\twhatever ' ;\n\\.\n" +
			"INSERT INTO public.tokens (id, user_id, \"key\", status, name, expired_time, remain_quota, unlimited_quota) VALUES (1, 1, '" + key + "', 1, 'k', -1, 0, true);\n",
		"sqlite": "CREATE TABLE channels(id integer, type integer, key text, status integer, name text, models text);\n" +
			"INSERT INTO \"channels\" VALUES(1,1,'sk-x',1,unistr('it\\u000aone'),'gpt-4o');\nINSERT INTO channels VALUES(2,1,X'736b2d79',1,'two','gpt-4o');\n" +
			"CREATE TABLE logs(x); INSERT INTO logs VALUES(strange('x'));\n" +
			"CREATE TABLE tokens(id, user_id, key, status, name, expired_time, remain_quota, unlimited_quota);\nINSERT INTO tokens VALUES(1,1,'" + key + "',1,'k',-1,0,1);\n",
		"rows": `[{"id":1,"type":1,"key":"sk-x","status":1,"name":"one","models":"gpt-4o"},{"id":2,"type":1,"key":"sk-y","status":1,"name":"two","models":"gpt-4o"},` +
			`{"id":1,"user_id":1,"key":"` + key + `","status":1,"name":"k","expired_time":-1,"remain_quota":0,"unlimited_quota":1}]`,
		"answer": `{"success":true,"data":{"items":[{"id":1,"type":1,"key":"sk-x","status":1,"name":"one","models":"gpt-4o"},{"id":2,"type":1,"key":"sk-y","status":1,"name":"two","models":"gpt-4o"},` +
			`{"id":1,"user_id":1,"key":"` + key + `","status":1,"name":"k","expired_time":-1,"remain_quota":0,"unlimited_quota":true}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := foreign.OneAPI([]foreign.File{{Name: name, Data: []byte(text)}}, loader(t))
			if err != nil {
				t.Fatal(err)
			}
			c := accepted(t, r.YAML)
			if len(c.Providers) != 2 || c.KeyBySecret("sk-"+key) == nil {
				t.Errorf("%s\n%s", r.YAML, told(r))
			}
			for _, m := range c.Models {
				if len(m.Targets) != 2 {
					t.Errorf("%s has %d targets", m.Name, len(m.Targets))
				}
			}
		})
	}
}

func TestOneAPIRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "has neither channels nor tokens",
		`{"success":false}`:         "has neither channels nor tokens",
		`[{"id":1}]`:                "neither a channel",
		"CREATE TABLE channels (id": "cut off",
		"CREATE TABLE channels (id);\nINSERT INTO channels VALUES (1,2);":            "f:2: a row of channels has more values",
		"CREATE TABLE channels (id);\n\nINSERT INTO channels VALUES (load_it('x'));": "f:3: a value is made by a function",
	} {
		if _, err := foreign.OneAPI([]foreign.File{{Name: "f", Data: []byte(text)}}, loader(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzOneAPI: whatever is read, the result is an error or a hub.yaml that is accepted.
func FuzzOneAPI(f *testing.F) {
	f.Add(string(file(f, "oneapi.sql").Data))
	f.Add(string(file(f, "newapi.json").Data))
	f.Add("-- MySQL dump\nCREATE TABLE `channels` (`id` int, `name` text) ENGINE=x;INSERT INTO channels VALUES (1,'a\\'b'),(-1.5e3,replace('a','b',char(10)));")
	f.Add("COPY public.channels (id, type, models) FROM stdin;\n1\t1\t\\N\n\\.\n")
	l := loader(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := foreign.OneAPI([]foreign.File{{Name: "f", Data: []byte(text)}}, l)
		if err != nil {
			if strings.Contains(err.Error(), "not accepted") {
				t.Error(err)
			}
			return
		}
		if _, err := l.Parse(r.YAML, "hub.yaml"); err != nil && !onlyOutside(err) {
			t.Errorf("not accepted: %v\n%s", err, r.YAML)
		}
	})
}
