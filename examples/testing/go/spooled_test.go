package shop

// A server in test mode for this package, and a world of its own for each test.

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const startMax = time.Minute

var server API // the root of the server: forks are made of it

func TestMain(m *testing.M) {
	stop, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "spooled-lite has not started:", err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// The server stops when its standard input closes: at stop, or when this process ends.
func start() (stop func(), err error) {
	folder, err := os.MkdirTemp("", "spooled-")
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(folder, "ready.json")
	command := exec.Command("spooled-lite", "serve", "--test", "--seed", "1", "--port", "0",
		"--grpc-port", "off", "--ready-file", ready, "--exit-with-parent")
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "SPOOLED_LOG_LEVEL=warning")
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stop = func() {
		input.Close()
		<-ended
		os.RemoveAll(folder)
	}
	for until := time.Now().Add(startMax); time.Now().Before(until); {
		if text, err := os.ReadFile(ready); err == nil {
			var about struct {
				URL string
				Key string `json:"api_key"`
			}
			err := json.Unmarshal(text, &about)
			server = API(about)
			return stop, err
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("it ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	stop()
	return nil, errors.New("it is not ready in time")
}

// World is a server with rows, a clock and a key of its own.
type World struct {
	API
	t *testing.T
}

// world makes one for a test, which then runs beside the others. It is deleted after the test.
func world(t *testing.T, options object) World {
	t.Helper()
	t.Parallel()
	body := object{"name": t.Name()}
	for name, value := range options {
		body[name] = value
	}
	var made struct {
		Key string `json:"api_key"`
	}
	root := World{server, t}
	root.must("POST", "/test/fork", body, &made)
	t.Cleanup(func() { root.must("DELETE", "/test/forks/"+url.PathEscape(t.Name()), nil, nil) })
	return World{API{server.URL, made.Key}, t}
}

func (w World) must(method, path string, body, into any) {
	w.t.Helper()
	if err := w.call(method, path, body, into); err != nil {
		w.t.Fatal(err)
	}
}

// Happened is something that came to pass while time did.
type Happened struct {
	At         time.Time
	What       string
	StatusCode int `json:"status_code"`
}

// advance lets time pass, such as "7d"; it returns when everything that was due is done.
func (w World) advance(by string) []Happened {
	w.t.Helper()
	var moved struct{ Happened []Happened }
	w.must("POST", "/test/clock/advance", object{"by": by}, &moved)
	return moved.Happened
}

// fault makes something go wrong the next time.
func (w World) fault(route string, do object) {
	w.t.Helper()
	w.must("POST", "/test/faults", object{"on": object{"route": route}, "do": do, "times": 1}, nil)
}

// expect fails the test unless all of it holds.
func (w World) expect(expected ...object) {
	w.t.Helper()
	var found struct {
		Passed  bool
		Results json.RawMessage
	}
	w.must("POST", "/test/expect", object{"expect": expected}, &found)
	if !found.Passed {
		w.t.Fatalf("%s", found.Results)
	}
}
