// Package secretfile reads files with secrets in them, and refuses those that
// everybody on the machine may read; and files that say whom to trust, which nobody
// else must write.
package secretfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// Read returns what is in a file of at most limit bytes. It refuses a file that
// everybody on the machine may read or write. (Its group may: that is how secrets are
// handed to containers.)
func Read(file string, limit int) ([]byte, error) {
	return read(file, limit, 0o006, "others may read or write it; chmod o= it, and make new keys if they were secret")
}

// ReadTrusted is Read for what is no secret, but decides who is trusted: others may read
// the file, and not write it.
func ReadTrusted(file string, limit int) ([]byte, error) {
	return read(file, limit, 0o002, "others may write it; chmod o-w it, and look at what is in it")
}

func read(file string, limit int, never fs.FileMode, why string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened: the name may lead elsewhere by now
	if err != nil {
		return nil, err
	}
	// The modes of Windows tell nothing of who may do what.
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.Perm()&never != 0 {
		return nil, fmt.Errorf("%s: its mode is %#o (%v): %s", file, mode.Perm(), mode, why)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", file, limit)
	}
	return text, nil
}
