package identity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLabel is the longest label, in bytes: a name of at most 128 bytes has room for
// it, the mark and the key.
const MaxLabel = 128 - 1 - textSize

// mark is between the label and the key.
const mark = "~"

// Name is the name of the node that has the key: label, "~", key. A label is 1 to 84
// bytes of printable text without a "~".
func Name(label string, p Public) (string, error) {
	if err := CheckLabel(label); err != nil {
		return "", err
	}
	return label + mark + p.String(), nil
}

// CheckLabel reports what is wrong with a label, if anything.
func CheckLabel(label string) error {
	switch {
	case label == "":
		return fmt.Errorf("identity: the label is empty; it must be 1 to %d bytes of printable text", MaxLabel)
	case len(label) > MaxLabel:
		return fmt.Errorf("identity: the label is %d bytes long; it must be 1 to %d bytes, as the key becomes part of the name", len(label), MaxLabel)
	case !utf8.ValidString(label):
		return fmt.Errorf("identity: the label %q is not valid UTF-8", label)
	}
	for _, r := range label {
		if !unicode.IsPrint(r) || string(r) == mark {
			return fmt.Errorf("identity: the label %q contains %q; only printable characters but %q are allowed", label, r, mark)
		}
	}
	return nil
}

// Split takes a name apart. It is not ok if the name is none of this kind, or its key
// is not in the one form that [Name] writes. What is printable changes with Unicode,
// so that is not looked at.
func Split(name string) (label string, p Public, ok bool) {
	at := len(name) - textSize - len(mark)
	if at < 1 || at > MaxLabel || name[at:at+len(mark)] != mark || strings.Contains(name[:at], mark) {
		return "", Public{}, false
	}
	if p, ok = decode(name[at+len(mark):]); !ok {
		return "", Public{}, false
	}
	return name[:at], p, true
}
