// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/getsops/sops/v3"
)

// The content of a file as JSON arrays. The first element says what it is:
//
//	["m", item…]              a mapping; an item is a comment or ["k", key, node]
//	["s", item…]              a list; an item is a comment or a node
//	["#", text, inline]       a comment
//	["str", text] and so on   a value: type and byte form
//	["null"]                  nothing
//
// A text that is not UTF-8 is an object with its bytes in base64.
type (
	list  = []any
	bytes struct {
		Content []byte `json:"b64"`
	}
)

func documents(branches sops.TreeBranches) list {
	all := make(list, len(branches))
	for i, branch := range branches {
		all[i] = mapping(branch)
	}
	return all
}

func mapping(branch sops.TreeBranch) list {
	items := make(list, 1, len(branch)+1)
	items[0] = "m"
	for _, item := range branch {
		switch key := item.Key.(type) {
		case sops.Comment:
			items = append(items, comment(key))
		case string:
			items = append(items, list{"k", text(key), node(item.Value)})
		default:
			items = append(items, list{"k", fmt.Sprintf("%T %v", key, key), node(item.Value)})
		}
	}
	return items
}

func sequence(values []any) list {
	items := make(list, 1, len(values)+1)
	items[0] = "s"
	for _, value := range values {
		items = append(items, node(value))
	}
	return items
}

func node(value any) list {
	switch value := value.(type) {
	case sops.TreeBranch:
		return mapping(value)
	case []any:
		return sequence(value)
	case sops.Comment:
		return comment(value)
	case nil:
		return list{"null"}
	}
	form, err := sops.ToBytes(value)
	if err != nil {
		return list{"unknown", fmt.Sprintf("%T", value)}
	}
	return list{typeName(value), text(string(form))}
}

func comment(value sops.Comment) list {
	return list{"#", text(value.Value), value.Inline}
}

// typeName is the type as it is written into an encrypted value.
func typeName(value any) string {
	switch value.(type) {
	case int:
		return "int"
	case float64:
		return "float"
	case bool:
		return "bool"
	case time.Time:
		return "time"
	}
	return "str"
}

func text(content string) any {
	if utf8.ValidString(content) {
		return content
	}
	return bytes{Content: []byte(content)}
}
