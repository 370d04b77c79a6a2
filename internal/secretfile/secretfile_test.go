package secretfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode  os.FileMode
		limit int
		read  func(string, int) ([]byte, error)
		want  string // in the error
	}{
		{0o600, 5, Read, ""},
		{0o640, 5, Read, ""},
		{0o604, 5, Read, "others may read"},
		{0o602, 5, Read, "others may read"},
		{0o600, 4, Read, "more than 4 bytes"},
		{0o644, 5, ReadTrusted, ""},
		{0o664, 5, ReadTrusted, ""},
		{0o646, 5, ReadTrusted, "others may write"},
		{0o602, 5, ReadTrusted, "others may write"},
		{0o644, 4, ReadTrusted, "more than 4 bytes"},
	} {
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		text, err := tt.read(file, tt.limit)
		if tt.want == "" && (err != nil || string(text) != "12345") || tt.want != "" && (err == nil || text != nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("mode %v, limit %d: %q, %v", tt.mode, tt.limit, text, err)
		}
	}
	if _, err := Read(file+"x", 5); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}
