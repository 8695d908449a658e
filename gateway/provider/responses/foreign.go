package responses

import (
	"bytes"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// ownItems is a list of items without the thoughts that another vendor has signed,
// which OpenAI would refuse; false if there are none.
func ownItems(input []byte) (own []byte, changed bool) {
	if !bytes.Contains(input, []byte(carrierMark)) {
		return nil, false // as most
	}
	var kept [][]byte
	list := rawjson.NewArray(input)
	for list.Next() {
		if foreign(list.Value()) {
			changed = true
			continue
		}
		kept = append(kept, list.Value())
	}
	if !changed {
		return nil, false
	}
	return append(append([]byte{'['}, bytes.Join(kept, []byte{','})...), ']'), true
}

// foreign tells whether an item is thoughts that we handed out for another vendor.
func foreign(item []byte) bool {
	obj := rawjson.NewObject(item)
	for obj.Next() {
		if string(obj.Key()) != "encrypted_content" || rawjson.TypeOf(obj.Value()) != rawjson.StringType {
			continue
		}
		encrypted, _ := rawjson.String(obj.Value())
		_, ours := readCarrier(encrypted)
		return ours
	}
	return false
}
