package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// oneAPI reads the tables of one-api or new-api.
type oneAPI struct {
	*draft
	rows   map[string][]*node
	newAPI bool // their channels' types differ
	perUSD int64
	groups map[string]map[string]bool // logical models by the group of users that may use them
	emails map[string]string          // of users by their ids
	homes  map[string]string          // tenants of users by their ids
	off    map[string]bool            // users that are disabled, by their ids
}

// quotaPerUSD is how many units of quota are a dollar, unless an option says otherwise.
const quotaPerUSD = 500_000

// mostPerUSD keeps what is reckoned with it far from overflow.
const mostPerUSD = 1_000_000_000

// OneAPI says what one-api or new-api keep in the words of hub.yaml. Files are dumps
// of the database in SQL, or JSON: an answer of the API, rows of a table, or tables by
// their names.
func OneAPI(files []File, loader *control.Loader) (*Result, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("no file")
	}
	o := &oneAPI{
		draft: newDraft(files[0].Name, loader), rows: map[string][]*node{}, perUSD: quotaPerUSD,
		groups: map[string]map[string]bool{}, emails: map[string]string{}, homes: map[string]string{}, off: map[string]bool{},
	}
	for _, f := range files {
		if err := o.read(f); err != nil {
			return nil, err
		}
	}
	if len(o.rows["channels"])+len(o.rows["tokens"]) == 0 {
		return nil, fmt.Errorf("%s: has neither channels nor tokens", files[0].Name)
	}
	for _, c := range o.rows["channels"] {
		o.newAPI = o.newAPI || c.first("channel_info", "auto_ban", "openai_organization") != nil
	}
	o.options()
	o.channels()
	o.people()
	for _, t := range o.rows["tokens"] {
		o.token(t)
	}
	return o.finish("one-api")
}

func oneAPITables() []string { return []string{"channels", "tokens", "users", "options"} }

// read adds the rows of a file.
func (o *oneAPI) read(f File) error {
	if !isJSON(f.Data) {
		rows, err := readDump(f.Name, f.Data, func(table string) bool { return slices.Contains(oneAPITables(), table) })
		for table, list := range rows {
			o.rows[table] = append(o.rows[table], list...)
		}
		return err
	}
	root, err := readJSON(f.Name, f.Data)
	if err != nil {
		return err
	}
	if d := root.get("data"); d != nil {
		root = d
	}
	if items := root.get("items"); items != nil {
		root = items
	}
	for _, table := range oneAPITables() {
		o.rows[table] = append(o.rows[table], root.get(table).elements()...)
	}
	for _, row := range root.items {
		table := tableOf(row)
		if table == "" {
			return unread(f.Name, &control.Mistake{Line: row.line, Text: "a row that is neither a channel, a token nor a user"})
		}
		o.rows[table] = append(o.rows[table], row)
	}
	return nil
}

// tableOf knows a row by its columns.
func tableOf(row *node) string {
	switch {
	case row.get("remain_quota") != nil:
		return "tokens"
	case row.get("username") != nil:
		return "users"
	case row.get("models") != nil && row.get("type") != nil:
		return "channels"
	case row.get("key") != nil && row.get("value") != nil:
		return "options"
	}
	return ""
}

// options are read as far as amounts depend on them.
func (o *oneAPI) options() {
	for _, row := range o.rows["options"] {
		switch key := row.get("key").string(); key {
		case "QuotaPerUnit":
			if v, ok := row.get("value").whole(); ok && v <= mostPerUSD {
				o.perUSD = v
			}
		case "GroupRatio", "ModelRatio", "CompletionRatio", "ModelPrice", "CacheRatio":
			o.notes.add(row.line, "options."+key, "is not carried over: llm-hub bills in dollars, by its book of the vendors' prices; what differs goes to settings.prices")
		}
	}
}

// noLimit is an amount of dollars that nobody means as one.
const noLimit = 1_000_000

// quota is the limit of what is left of a quota, to the nano-dollar; empty tells that
// nothing is.
func (o *oneAPI) quota(n *node, path string) (limits []any, empty bool) {
	if n == nil {
		return nil, false
	}
	v := number(n)
	if v/noLimit >= o.perUSD {
		o.notes.add(n.line, path, "has so large a quota that it is not made a limit")
		return nil, false
	}
	const nano = 1_000_000_000
	amount := v/o.perUSD*nano + v%o.perUSD*nano/o.perUSD
	if amount <= 0 {
		return nil, true
	}
	return []any{obj{{Key: "per", Value: "life"}, {Key: "cost_usd", Value: accounting.FormatUSD(amount)}}}, false
}

// people makes a tenant of each group of users, and the users in it.
func (o *oneAPI) people() {
	for _, u := range o.rows["users"] {
		id, name := u.get("id").string(), u.get("username").string()
		path := "users." + cmp.Or(name, id)
		if u.get("deleted_at").string() != "" || u.get("status").string() == "3" {
			o.off[id] = true
			continue
		}
		home := o.tenant(o.group(u.get("group").string()))
		o.homes[id] = home
		limits, empty := o.quota(u.get("quota"), path)
		if o.off[id] = u.get("status").string() == "2"; o.off[id] {
			o.notes.add(u.line, path, "is disabled: the keys are paused")
		} else if o.off[id] = empty; empty {
			o.notes.add(u.line, path, "has no quota left: the keys are paused")
		}
		email := strings.ToLower(u.get("email").string())
		one := put(obj{{Key: "email", Value: email}, {Key: "role", Value: roleOf(u.get("role").string())}}, "limits", limits)
		if err := o.refused(obj{{Key: "tenants", Value: []any{obj{{Key: "name", Value: home}, {Key: "users", Value: []any{one}}}}}}); err != nil {
			o.notes.add(u.line, path, "is not carried over: a user has an e-mail address here, and this is none. The keys are, without the user's quota")
			continue
		}
		if slices.Contains(o.users[home], any(nil)) || o.knows(home, email) {
			o.notes.add(u.line, path, "is not carried over: another user has the address")
			continue
		}
		o.emails[id] = email
		o.users[home] = append(o.users[home], one)
		o.notes.add(u.line, path, "passwords are not carried over: people are invited anew")
	}
}

func (o *oneAPI) knows(tenant, email string) bool {
	return slices.ContainsFunc(o.users[tenant], func(u any) bool { return u.(obj)[0].Value == email })
}

func (o *oneAPI) group(name string) string {
	return slug(cmp.Or(name, "default"), "default", maxID, "")
}

func roleOf(role string) string {
	switch role {
	case "100":
		return "owner"
	case "10":
		return "admin"
	}
	return "member"
}

// token makes a virtual key that goes on working: what applications show is sk- and
// the key of the row.
func (o *oneAPI) token(t *node) {
	path := "tokens." + cmp.Or(t.get("name").string(), t.get("id").string())
	secret := strings.TrimPrefix(t.get("key").string(), "sk-")
	user := t.get("user_id").string()
	switch {
	case t.get("deleted_at").string() != "":
		return
	case secret == "" || strings.Contains(secret, "*"):
		o.notes.add(t.line, path, "is not carried over: its key is not there; a dump of the database has it")
		return
	case len("sk-"+secret) < minKey:
		o.notes.add(t.line, path, "is not carried over: a key has at least %d characters", minKey)
		return
	}
	home := cmp.Or(o.homes[user], "default")
	one := obj{{Key: "name", Value: o.id("key of "+home, t.get("name").string(), "key")}, {Key: "key", Value: hashed("sk-" + secret)}}
	one = put(one, "user", o.emails[user])
	one, ok := o.allowed(one, t, home, path)
	if !ok {
		return
	}
	limits, empty := []any(nil), false
	if !t.get("unlimited_quota").yes() {
		limits, empty = o.quota(t.get("remain_quota"), path)
	}
	one = put(one, "limits", limits)
	if expires := t.get("expired_time").string(); expires != "" && expires != "-1" && expires != "0" {
		v, whole := t.get("expired_time").whole()
		if !whole || v > maxUnix {
			o.notes.add(t.line, path, "is not carried over: its end is not a time")
			return
		}
		one = put(one, "expires", unixTime(v))
	}
	if t.get("status").string() != "1" || empty || o.off[user] {
		one = put(one, "state", "paused")
		o.notes.add(t.line, path, "is paused: it is disabled, used up, or its user is")
	}
	o.addKey(t, home, path, one)
}

func (o *oneAPI) addKey(t *node, home, path string, one obj) {
	shown := without(without(one, "models"), "user")
	if err := o.refused(obj{{Key: "tenants", Value: []any{obj{{Key: "name", Value: home}, {Key: "keys", Value: []any{shown}}}}}}); err != nil {
		o.notes.add(t.line, path, "is not carried over: %s", reason(err))
		return
	}
	for _, keys := range o.keys {
		if slices.ContainsFunc(keys, func(have obj) bool { return have[1].Value == one[1].Value }) {
			o.notes.add(t.line, path, "is not carried over: it is there already")
			return
		}
	}
	o.keys[o.tenant(home)] = append(o.keys[home], one)
}

// allowed narrows a key to the models and addresses that its row and group allow;
// false if there is none.
func (o *oneAPI) allowed(one obj, t *node, home, path string) (obj, bool) {
	list := commas(t.get("models").string())
	if t.get("model_limits_enabled").yes() {
		list = commas(t.get("model_limits").string())
	}
	may := o.groups[home]
	narrow := len(may) < len(o.models)
	if own := t.get("group").string(); own != "" && own != "auto" && o.group(own) != home {
		o.notes.add(t.line, path, "its own group is not carried over: it has that of its user")
	}
	var models []any
	for _, m := range o.models {
		if may[m.name] && (len(list) == 0 || slices.Contains(list, m.asked)) {
			models = append(models, m.name)
		}
	}
	if (len(list) > 0 || narrow) && len(models) == 0 {
		o.notes.add(t.line, path, "is not carried over: it may use no model that is")
		return nil, false
	}
	if len(list) > 0 || narrow {
		one = put(one, "models", models)
	}
	var addresses []any
	for _, a := range strings.FieldsFunc(t.first("subnet", "allow_ips").string(), func(r rune) bool { return strings.ContainsRune(", \n\r", r) }) {
		addresses = append(addresses, a)
	}
	return put(one, "addresses", addresses), true
}

func commas(text string) []string {
	var out []string
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// mapped is what a channel calls models.
func mapped(text string) map[string]string {
	m := map[string]string{}
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil
	}
	return m
}
