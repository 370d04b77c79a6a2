// Package secretfile reads files with secrets in them, and refuses those that
// everybody on the machine may read.
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
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened: the name may lead elsewhere by now
	if err != nil {
		return nil, err
	}
	if err := checkMode(info.Mode()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
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

// checkMode knows nothing of Windows, whose modes tell nothing of who may read.
func checkMode(mode fs.FileMode) error {
	if runtime.GOOS == "windows" || mode.Perm()&0o006 == 0 {
		return nil
	}
	return fmt.Errorf("its mode is %#o (%v): others may read or write it; chmod o= it, and make new keys if they were secret", mode.Perm(), mode)
}
