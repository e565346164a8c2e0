// Package browser looks at what visitors see: the shipped pages in a real browser, behind the function that runs at the edge.
package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"peakline/lambda/edge"
	"peakline/lambda/edge/edgetest"
	"peakline/test/programs"
)

// keep is a folder for the screenshots, so that somebody can look at them.
var keep = os.Getenv("PEAKLINE_SCREENSHOTS")

// strictPolicy lets a page use what its own origin serves, and images: what is shipped has to do with that.
const strictPolicy = "default-src 'self'; img-src 'self' https: data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

// visit is one line of the server.
type visit struct {
	Port    int
	Path    string
	Status  int
	Cookies map[string]string
}

// view is what a visitor sees of one page, as visit.mjs tells.
type view struct {
	Path, Heading, Text, Visitor string
	Status                       int
	Styled                       bool
	Complaints                   []string // of the browser, a breach of the content security policy say
}

// TestWhatVisitorsSee opens the shipped index and the sorry page, first as a stranger and then with the cookies of the visit before.
func TestWhatVisitorsSee(t *testing.T) {
	chromium := programs.Find(t, "no chromium on the PATH, so nothing was seen as a visitor sees it: apt-get install chromium", "chromium")
	visits, port := serve(t)
	pictures := keep
	if pictures == "" {
		pictures = t.TempDir()
	}
	arguments := []string{"visit.mjs", chromium, pictures}
	for _, path := range []string{"/", "/products/7", "/account/orders", "/api/cart"} {
		arguments = append(arguments, fmt.Sprintf("http://localhost:%d%s", port, path))
	}
	output, err := exec.Command(node(t), arguments...).Output()
	if err != nil {
		t.Fatalf("open the pages: %v %s", err, stderr(err))
	}
	var pages []view
	if err := json.Unmarshal(output, &pages); err != nil || len(pages) != 4 {
		t.Fatalf("%d pages: %v\n%s", len(pages), err, output)
	}

	for n, want := range []view{
		{Heading: "A shop, soon", Text: "You see checkout:short", Status: 200, Styled: true},
		{Heading: "A shop, soon", Text: "You see checkout:short", Status: 200, Styled: true},
		{Heading: "We will be right back", Status: 503, Styled: true},
		{Text: `{"error":"unavailable"}`, Status: 503},
	} {
		got := pages[n]
		if got.Heading != want.Heading || !strings.Contains(got.Text, want.Text) || got.Status != want.Status || got.Styled != want.Styled && want.Styled {
			t.Errorf("%s shows %+v, want %+v", got.Path, got, want)
		}
		if got.Visitor == "" || got.Visitor != pages[0].Visitor {
			t.Errorf("after %s the visitor is %q, want the one of the first page, %q", got.Path, got.Visitor, pages[0].Visitor)
		}
		for _, complaint := range got.Complaints {
			// The browser reports the status of a page that failed, too, and looks for an icon where an answer is no page.
			if !strings.Contains(complaint, "status of 503") && !strings.Contains(complaint, "/favicon.ico: ") {
				t.Errorf("the browser complains about %s: %s", got.Path, complaint)
			}
		}
		if info, err := os.Stat(filepath.Join(pictures, fmt.Sprintf("%d.png", n+1))); err != nil || info.Size() < 2000 {
			t.Errorf("the picture of %s looks empty (%v)", got.Path, err)
		}
	}

	asked := visits()
	for path, status := range map[string]int{"/": 200, "/shop.css": 200, "/shop.js": 200, "/account/orders": 503} {
		at := slices.IndexFunc(asked, func(v visit) bool { return v.Path == path })
		if at < 0 || asked[at].Status != status {
			t.Errorf("%s was not answered with %d: %v", path, status, asked)
			continue
		}
		if visitor := asked[at].Cookies["peakline_visitor"]; path == "/" && visitor != "" || path == "/account/orders" && visitor != pages[0].Visitor {
			t.Errorf("%s was asked for by %q", path, visitor)
		}
	}
}

// node is the pinned Node.js.
func node(t *testing.T) string {
	t.Helper()
	return programs.Find(t, "no Node.js in node_modules: make node_modules/.ready", "../../node_modules/.bin/node")
}

// stderr is what a program that failed said last.
func stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// serve starts server.mjs. The function it returns stops it and tells who asked for what.
func serve(t *testing.T) (visits func() []visit, port int) {
	t.Helper()
	folder := edgetest.Folder(t, map[string]string{
		"viewer": edge.Viewer(edge.Settings{Dynamic: []string{"/api/*", "/account/*"}}),
		"sorry":  edge.Sorry(),
	})
	web, err := filepath.Abs("../../web")
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(node(t), "server.mjs")
	server.Env = append(os.Environ(), "EDGE_FUNCTIONS="+folder, "WEB="+web, `EXPERIMENTS={"checkout":{"short":1}}`,
		"CONTENT_SECURITY_POLICY="+strictPolicy)
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	lines := bufio.NewScanner(output)
	next := func() (v visit, more bool) {
		if !lines.Scan() {
			return visit{}, false
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		return v, true
	}
	ready, _ := next()
	return func() (all []visit) {
		_ = server.Process.Kill()
		for v, more := next(); more; v, more = next() {
			all = append(all, v)
		}
		return all
	}, ready.Port
}
