package replay

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far a sweep is, on one line that it erases, once the sweep has taken a second and only in a
// terminal.
type progress struct {
	out   io.Writer
	about string
	start time.Time
	last  time.Time
}

func newProgress(file *os.File, about string) *progress {
	p := &progress{about: about, start: time.Now(), out: io.Discard}
	if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		p.out = file
	}
	return p
}

func (p *progress) tell(done, total int) {
	now := time.Now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last = now
	fmt.Fprintf(p.out, "\r\033[Kreplaying %s: %d of %d runs", p.about, done, total)
}

func (p *progress) done() {
	if !p.last.IsZero() {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
