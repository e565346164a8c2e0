// Package browser looks at what visitors see: the shipped pages in a real browser, behind the function that runs at the edge.
package browser

import (
	"bufio"
	"encoding/json"
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

// TestWhatVisitorsSee opens the shipped index and the sorry page, first as a stranger and then with the cookies of the visit before.
func TestWhatVisitorsSee(t *testing.T) {
	chromium := programs.Find(t, "no chromium on the PATH, so nothing was seen as a visitor sees it: apt-get install chromium", "chromium")
	visits, port := serve(t)
	profile := t.TempDir()
	open := func(path, screenshot string) (page string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), screenshot)
		if keep != "" {
			file = filepath.Join(keep, screenshot)
		}
		flags := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,700", "--user-data-dir=" + profile}
		url := fmt.Sprintf("http://localhost:%d%s", port, path)
		output, err := exec.Command(chromium, append(flags, "--dump-dom", "--screenshot="+file, url)...).Output()
		if err != nil {
			t.Fatalf("open %s: %v", path, err)
		}
		if info, err := os.Stat(file); err != nil || info.Size() < 5000 {
			t.Errorf("%s looks empty (%v)", path, err)
		}
		return string(output)
	}

	first := open("/", "index.png")
	if !strings.Contains(first, "<h1>A shop, soon</h1>") || !strings.Contains(first, "You see checkout:short") {
		t.Errorf("a stranger sees\n%s", first)
	}
	if again := open("/products/7", "index-again.png"); !strings.Contains(again, "<h1>A shop, soon</h1>") || !strings.Contains(again, "You see checkout:short") {
		t.Errorf("a visitor who comes back sees\n%s", again)
	}
	if sorry := open("/account/orders", "sorry.png"); !strings.Contains(sorry, "<h1>We will be right back</h1>") {
		t.Errorf("a visitor whose page fails sees\n%s", sorry)
	}
	if program := open("/api/cart", "api.png"); !strings.Contains(program, `{"error":"unavailable"}`) {
		t.Errorf("a program whose service fails is told\n%s", program)
	}
	seen := visits()
	known := ""
	for _, path := range []string{"/", "/products/7", "/account/orders", "/api/cart"} {
		at := slices.IndexFunc(seen, func(v visit) bool { return v.Path == path })
		if at < 0 {
			t.Fatalf("%s was not asked for: %v", path, seen)
		}
		visitor := seen[at].Cookies["peakline_visitor"]
		switch {
		case path == "/" && visitor != "":
			t.Errorf("the first visit has the cookie %q already", visitor)
		case path == "/products/7":
			known = visitor
		case path != "/" && (visitor == "" || visitor != known):
			t.Errorf("%s was asked for by %q, want %q as before", path, visitor, known)
		}
	}
	for path, status := range map[string]int{"/shop.css": 200, "/shop.js": 200, "/account/orders": 503} {
		if at := slices.IndexFunc(seen, func(v visit) bool { return v.Path == path }); at < 0 || seen[at].Status != status {
			t.Errorf("%s was not answered with %d: %v", path, status, seen)
		}
	}
}

// serve starts server.mjs. The function it returns stops it and tells who asked for what.
func serve(t *testing.T) (visits func() []visit, port int) {
	t.Helper()
	node := programs.Find(t, "no Node.js in node_modules: make node_modules/.ready", "../../node_modules/.bin/node")
	folder := edgetest.Folder(t, map[string]string{
		"viewer": edge.Viewer(edge.Settings{Dynamic: []string{"/api/*", "/account/*"}}),
		"sorry":  edge.Sorry(),
	})
	web, err := filepath.Abs("../../web")
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(node, "server.mjs")
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
