package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// readLines calls each with every line of r, without its end. A line of more
// than most bytes is not kept: each gets an error instead of it. It stops
// when each returns an error, and returns that.
func readLines(r io.Reader, most int, each func(number int, line []byte, err error) error) error {
	in := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := readLine(in, most)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.As(err, new(lineTooLong)):
			return err
		}
		if err := each(number, line, err); err != nil {
			return err
		}
	}
}

// lineTooLong says how long a line may be.
type lineTooLong int

func (most lineTooLong) Error() string {
	return fmt.Sprintf("the line is longer than %d bytes (--max-payload); it is skipped", int(most))
}

func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	tooLong := false
	for first := true; ; first = false {
		part, err := in.ReadSlice('\n')
		if err == io.EOF && first && len(part) == 0 {
			return nil, io.EOF
		}
		// Room for what ends a line as well.
		if tooLong = tooLong || len(line)+len(part) > most+len("\r\n"); !tooLong {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if line = trimEnd(line); tooLong || len(line) > most {
			return nil, lineTooLong(most)
		}
		return line, nil
	}
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}
