package replay

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far a sweep is, once it has taken a second: in a terminal on one line that it erases, elsewhere as
// a line every half a minute, so that a log shows that it is alive.
type progress struct {
	out      io.Writer
	terminal bool
	about    string
	start    time.Time
	last     time.Time
}

func newProgress(file *os.File, about string) *progress {
	info, err := file.Stat()
	now := time.Now()
	return &progress{
		out: file, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, about: about, start: now, last: now,
	}
}

func (p *progress) tell(done, total int) {
	now := time.Now()
	format, every := "replaying %s: %d of %d runs, %v left\n", 30*time.Second
	if p.terminal {
		format, every = "\r\033[Kreplaying %s: %d of %d runs, %v left", 100*time.Millisecond
	}
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < every {
		return
	}
	p.last = now
	left := now.Sub(p.start) * time.Duration(total-done) / time.Duration(done)
	fmt.Fprintf(p.out, format, p.about, done, total, left.Round(time.Second))
}

func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
